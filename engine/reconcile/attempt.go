package reconcile

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"mzproxy/engine"
)

// How long an action that has begun may go on after the end of its context, so that a shutdown leaves
// nothing open.
const finishGrace = 8 * time.Second

// errAstray says that a name stood for another cluster when the statement ran.
var errAstray = errors.New("the cluster was renamed, or swapped with another one, at that very moment: the statement met the one that has the name now")

// attempt is one try of one action.
type attempt struct {
	*pass
	action engine.Action
	record ActionRecord
	tried  bool            // the record is an earlier try's, whose outcome is open
	after  engine.Snapshot // what the world was seen to be after the statement
	met    Traced          // by the server's record; zero: it tells of nothing
	traced bool            // there is such a record
}

// try executes an action. The intention is written first, and then comes the last look, so that nothing lies
// between that and the statement. State and outcome are completed after, so that
// a crash in between can be settled by looking. The result is nil if there was nothing left to be done. An error means that the
// action was not taken, that its outcome is open, or that this could not be recorded.
func (p *pass) try(ctx context.Context, action engine.Action) (*ActionResult, error) {
	ctx, cancel := outliving(ctx, finishGrace)
	defer cancel()
	a := attempt{pass: p, action: action, record: newRecord(p.trigger, p.outcome, action)}
	err := a.begin(ctx)
	awaited := false
	defer func() {
		if !awaited {
			p.intentions.release(a.record.ActionID)
		}
	}()
	if err != nil {
		return nil, err
	}
	if err := a.lastLook(ctx); err != nil {
		return nil, errors.Join(err, a.takeBack(ctx, err))
	}
	p.step(stepExecute)
	if !p.leading() { // whoever leads now takes the intention up, or drops it
		p.intentions.keep(a.record)
		return nil, errFenced
	}
	refusal := p.cfg.Executor.Execute(ctx, action)
	if underWay := (*UnderWay)(nil); errors.As(refusal, &underWay) {
		awaited = true
		a.await(underWay)
		return &ActionResult{action, a.record.ActionID, nil}, nil
	}
	return a.answered(ctx, refusal)
}

// answered takes in what the executor said to the statement.
func (a *attempt) answered(ctx context.Context, refusal error) (*ActionResult, error) {
	switch done, err := a.judge(ctx, refusal); {
	case err != nil:
		return nil, err
	case !done && (refusal == nil || a.met.ClusterID != ""):
		return a.astray(ctx)
	case refusal != nil && done && !a.tried && !errors.Is(refusal, ErrNoAnswer): // by somebody else, who has to tell of it
		return nil, a.drop(ctx)
	case done: // by this try, whose answer may have got lost, or by an earlier one
		refusal = nil
	}
	if err := a.complete(ctx, refusal); err != nil {
		return nil, err
	}
	a.step(stepDone)
	return &ActionResult{a.action, a.record.ActionID, refusal}, nil
}

// begin writes the intention, or takes up an open one for the same statement, which may have been tried
// before.
func (a *attempt) begin(ctx context.Context) error {
	a.step(stepBegin)
	if a.record, a.tried = a.intentions.takeUp(a.record); a.tried {
		return nil
	}
	if err := a.cfg.Recorder.Begin(ctx, a.record); err != nil {
		a.intentions.doubt()
		return fmt.Errorf("record intention: %w", err)
	}
	return nil
}

// takeBack drops an intention whose statement was not sent. One that was taken up may have been sent
// before; it stays.
func (a *attempt) takeBack(ctx context.Context, why error) error {
	if a.tried || errors.Is(why, errFenced) {
		a.intentions.keep(a.record)
		return nil
	}
	return a.drop(ctx)
}

// drop takes an intention back.
func (a *attempt) drop(ctx context.Context) error {
	if err := a.cfg.Recorder.Forget(ctx, a.record.ActionID); err != nil {
		a.intentions.doubt()
		return fmt.Errorf("drop intention: %w", err)
	}
	return nil
}

// judge looks what became of a statement: done tells whether the world is as if it had succeeded. Of one that did succeed it is not only if it
// met another cluster, or met nothing that is known while the cluster has another name since, or is gone. An error means that nobody knows.
func (a *attempt) judge(ctx context.Context, failed error) (done bool, err error) {
	if err := a.lookAfter(ctx); err != nil {
		if failed == nil { // settled by looking, when that works again
			a.intentions.keep(a.record)
			return false, fmt.Errorf("look after the statement: %w", err)
		}
		if !errors.Is(failed, ErrNoAnswer) {
			a.record.refused(failed)
		}
		a.intentions.keep(a.record)
		return false, fmt.Errorf("look after %w: %w", failed, err)
	}
	refused := failed != nil && !errors.Is(failed, ErrNoAnswer)
	done = a.record.doneIn(a.after)
	switch {
	case !refused && a.met.ClusterID != "":
		done = a.met.ClusterID == a.record.ClusterID
		if done {
			a.record.Context.ReplicaID = a.met.ReplicaID
		}
		return done, nil
	case failed == nil && len(a.after.Clusters) == 0:
		return a.action.Op == engine.OpDrop, nil
	case failed == nil:
		return done || a.after.Clusters[0].Name == a.expected.Name, nil
	case !refused && (!done || a.traced): // no answer, and no trace: it may still come
		a.intentions.keep(a.record)
		return false, fmt.Errorf("execute: %w", failed)
	}
	a.met = Traced{} // somebody else's
	return done, nil
}

// lookAfter looks what the world is after a statement, and what that met.
func (a *attempt) lookAfter(ctx context.Context) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		a.after, err = a.effect(groupCtx)
		return err
	})
	group.Go(func() (err error) {
		a.met, a.traced, err = a.trace(groupCtx, a.record)
		return err
	})
	return group.Wait()
}

// astray records a statement that met another cluster than the one that it was meant for. Where that one is known, the row goes on as its own.
func (a *attempt) astray(ctx context.Context) (*ActionResult, error) {
	result := &ActionResult{a.action, a.record.ActionID, errAstray}
	a.schedule.addAll(time.Now(), "event")
	if a.met.ClusterID != "" {
		return result, a.move(ctx, a.record, a.met)
	}
	executed := true
	a.record.Executed, a.record.Error = &executed, errAstray.Error()
	if err := a.cfg.Recorder.Finish(ctx, a.record); err != nil {
		a.intentions.keep(a.record)
		return nil, fmt.Errorf("record outcome: %w", err)
	}
	return result, nil
}

// complete records an action that was executed, or refused.
func (a *attempt) complete(ctx context.Context, refusal error) error {
	executed := refusal == nil
	if executed {
		a.memory.took(a.record, a.record.replicaIn(a.after))
		a.step(stepState)
		if err := a.saveState(ctx, a.outcome.Plan.ID, a.memory); err != nil {
			a.intentions.keep(a.record) // settled with the state
			return err
		}
	} else {
		a.record.refused(refusal)
		if errors.Is(refusal, ErrTimedOut) {
			if err := a.giveUp(ctx); err != nil {
				a.intentions.keep(a.record)
				return err
			}
		}
	}
	a.record.Executed = &executed
	a.step(stepFinish)
	if err := a.cfg.Recorder.Finish(ctx, a.record); err != nil {
		a.intentions.keep(a.record)
		a.schedule.add(a.outcome.Plan.ID, time.Now().Add(lookAgainAfter), "retry")
		a.cfg.Logger.WithError(err).WithField("cluster", a.outcome.Plan.Name).Warn("outcome of an action not recorded yet")
	}
	return nil
}
