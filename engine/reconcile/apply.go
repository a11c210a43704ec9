package reconcile

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
)

// How long an action that has begun may go on after the end of its context, so that a shutdown leaves
// nothing open.
const finishGrace = 8 * time.Second

// errAstray says that a name stood for another cluster when the statement ran.
var errAstray = errors.New("the cluster was renamed, or swapped with another one, at that very moment: the statement met the one that has the name now")

// apply runs the actions of a plan in order, and records each. A failed one
// stops the rest. So does a cluster that has changed beside the actions
// themselves: the error is errChanged then.
func (r *Reconciler) apply(ctx context.Context, trigger Trigger, w *clusterWork, o *Outcome) error {
	memory := memoryOf(&o.Before)
	expected := o.Before
	for n, a := range o.Plan.Actions {
		if ctx.Err() != nil || o.Before.RecentActions+int64(n) >= engine.MaxRecentActions {
			return nil
		}
		result, err := r.run(ctx, trigger, w, o, &expected, n, memory)
		if err != nil {
			return err
		}
		expected = after(expected, a)
		if result == nil {
			continue
		}
		o.Results = append(o.Results, *result)
		w.note(*result)
		w.result(result.Err)
		r.logAction(o, *result)
		if result.Err != nil {
			return nil
		}
	}
	return nil
}

// after is what a cluster looks like once an action is done.
func after(c engine.ClusterState, a engine.Action) engine.ClusterState {
	c.Replicas = slices.DeleteFunc(slices.Clone(c.Replicas), func(r engine.Replica) bool { return r.Name == a.Replica })
	if a.Op == engine.OpCreate {
		c.Replicas = append(c.Replicas, engine.Replica{Name: a.Replica, Size: a.Size})
	}
	return c
}

// run executes the n-th action of a plan. The intention is written first, and then comes the last look, so that nothing lies
// between that and the statement. State and outcome are completed after, so that
// a crash in between can be settled by looking. The result is nil if there was nothing left to be done. An error means that the
// action was not taken, that its outcome is open, or that this could not be recorded.
func (r *Reconciler) run(ctx context.Context, trigger Trigger, w *clusterWork, o *Outcome, expected *engine.ClusterState, n int, memory ClusterMemory) (*ActionResult, error) {
	ctx, cancel := outliving(ctx, finishGrace)
	defer cancel()
	a := o.Plan.Actions[n]
	record, tried, err := r.begin(ctx, newRecord(trigger, o, a))
	defer r.intentions.release(record.ActionID)
	if err != nil {
		return nil, err
	}
	if err := r.lastLook(ctx, w, o, expected, n); err != nil {
		return nil, errors.Join(err, r.takeBack(ctx, record, tried, err))
	}
	r.step(stepExecute)
	if !r.leading() { // whoever leads now takes the intention up, or drops it
		r.intentions.keep(record)
		return nil, errFenced
	}
	refusal := r.cfg.Executor.Execute(ctx, a)
	switch done, err := r.judge(ctx, o, expected, record, refusal); {
	case err != nil:
		return nil, err
	case refusal == nil && !done:
		return r.astray(ctx, record, a)
	case refusal != nil && done && !tried && !errors.Is(refusal, ErrNoAnswer): // by somebody else, who has to tell of it
		return nil, r.drop(ctx, record)
	case done: // by this try, whose answer may have got lost, or by an earlier one
		refusal = nil
	}
	if err := r.complete(ctx, o, record, refusal, memory); err != nil {
		return nil, err
	}
	r.step(stepDone)
	return &ActionResult{a, record.ActionID, refusal}, nil
}

// takeBack drops an intention whose statement was not sent. One that was taken up may have been sent
// before; it stays.
func (r *Reconciler) takeBack(ctx context.Context, record ActionRecord, tried bool, why error) error {
	if tried || errors.Is(why, errFenced) {
		r.intentions.keep(record)
		return nil
	}
	return r.drop(ctx, record)
}

// astray records a statement that met another cluster than the one that it was meant for.
func (r *Reconciler) astray(ctx context.Context, record ActionRecord, a engine.Action) (*ActionResult, error) {
	executed := true
	record.Executed, record.Error = &executed, errAstray.Error()
	r.schedule.addAll(time.Now(), "event")
	if err := r.cfg.Recorder.Finish(ctx, record); err != nil {
		r.intentions.keep(record)
		return nil, fmt.Errorf("record outcome: %w", err)
	}
	return &ActionResult{a, record.ActionID, errAstray}, nil
}

// begin writes the intention, or takes up an open one for the same statement, which may have been tried
// before.
func (r *Reconciler) begin(ctx context.Context, record ActionRecord) (_ ActionRecord, tried bool, err error) {
	r.step(stepBegin)
	if open, ok := r.intentions.takeUp(record); ok {
		return open, true, nil
	}
	if err := r.cfg.Recorder.Begin(ctx, record); err != nil {
		r.intentions.doubt()
		return record, false, fmt.Errorf("record intention: %w", err)
	}
	return record, false, nil
}

// judge looks what became of a statement: done tells whether the world is as if it had succeeded. Of one that did succeed
// it is not only if the cluster has another name since. An error means that nobody knows.
func (r *Reconciler) judge(ctx context.Context, o *Outcome, expected *engine.ClusterState, record ActionRecord, failed error) (done bool, err error) {
	s, err := r.recheck(ctx, o, expected)
	done = err == nil && record.doneIn(s)
	switch {
	case failed == nil:
		return done || err != nil || len(s.Clusters) == 0 || s.Clusters[0].Name == expected.Name, nil
	case errors.Is(failed, ErrNoAnswer) && !done:
		r.intentions.keep(record)
		return false, fmt.Errorf("execute: %w", failed)
	case err != nil:
		record.Error = failed.Error()
		r.intentions.keep(record)
		return false, fmt.Errorf("look after %w: %w", failed, err)
	}
	return done, nil
}

// complete records an action that was executed, or refused.
func (r *Reconciler) complete(ctx context.Context, o *Outcome, record ActionRecord, refusal error, memory ClusterMemory) error {
	executed := refusal == nil
	if executed {
		memory.took(engine.Op(record.Context.Op), record.Context.Replica, record.Context.Strategies, record.Context.State)
		r.step(stepState)
		if err := r.saveState(ctx, o.Plan.ID, memory); err != nil {
			r.intentions.keep(record) // settled with the state
			return err
		}
	} else {
		record.Error = refusal.Error()
	}
	record.Executed = &executed
	r.step(stepFinish)
	if err := r.cfg.Recorder.Finish(ctx, record); err != nil {
		r.intentions.keep(record)
		r.schedule.add(o.Plan.ID, time.Now().Add(lookAgainAfter), "retry")
		r.cfg.Logger.WithError(err).WithField("cluster", o.Plan.Name).Warn("outcome of an action not recorded yet")
	}
	return nil
}

// drop takes an intention back.
func (r *Reconciler) drop(ctx context.Context, record ActionRecord) error {
	if err := r.cfg.Recorder.Forget(ctx, record.ActionID); err != nil {
		r.intentions.doubt()
		return fmt.Errorf("drop intention: %w", err)
	}
	return nil
}

// doneIn tells whether a snapshot of the record's cluster shows the action's
// effect.
func (r ActionRecord) doneIn(s engine.Snapshot) bool {
	for i := range s.Clusters {
		if s.Clusters[i].ID != r.ClusterID {
			continue
		}
		replica := s.Clusters[i].Replica(r.Context.Replica)
		if r.Context.Op == string(engine.OpDrop) {
			return replica == nil
		}
		return replica != nil && replica.Size == r.Context.Size
	}
	return r.Context.Op == string(engine.OpDrop)
}

// outliving is a context that goes on for some time after the end of its
// parent.
func outliving(parent context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(ctx, func() { timer.Stop() })
	})
	return ctx, func() { stop(); cancel() }
}

// remember stores what a strategy wants to keep although nothing was done.
func (r *Reconciler) remember(ctx context.Context, o *Outcome) error {
	wanted := slices.ContainsFunc(o.Plan.Decisions, func(d engine.Decision) bool { return d.Remember != nil })
	memory := memoryOf(&o.Before)
	if !wanted || !memory.differs(o.Plan.State) {
		return nil
	}
	memory.Strategies = o.Plan.State
	return r.saveState(ctx, o.Plan.ID, memory)
}

func (r *Reconciler) logAction(o *Outcome, result ActionResult) {
	entry := r.cfg.Logger.WithFields(logrus.Fields{"cluster": o.Plan.Name, "action": string(result.Op), "replica": result.Replica, "action_id": result.ActionID})
	if result.Err != nil {
		entry.WithError(result.Err).Warn("action failed")
		return
	}
	entry.WithField("reason", result.Reasons[0].Text).Info("action executed")
}
