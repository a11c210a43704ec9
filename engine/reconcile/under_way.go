package reconcile

import (
	"context"
	"errors"
	"maps"
	"time"
)

// UnderWay is what an Executor returns of a statement that blocks until a change has come about, which may take an hour. The cluster is looked
// at meanwhile; the observer shows the change as a reconfiguration.
type UnderWay struct {
	// Done gives what became of the statement, once: what Execute would have returned.
	Done <-chan error
}

// Error says it in words.
func (*UnderWay) Error() string { return "the statement is under way" }

// ErrTimedOut says that the server gave a change up because it took longer than it was allowed to. Nothing is changed then.
var ErrTimedOut = errors.New("the change took too long")

// await completes the record of a statement once it is over. Until then its intention stays open, as one whose answer is awaited.
func (a *attempt) await(u *UnderWay) {
	go func() {
		defer a.intentions.release(a.record.ActionID)
		answer := <-u.Done
		ctx, cancel := context.WithTimeout(context.Background(), finishGrace)
		defer cancel()
		if err := a.work.acquire(ctx); err != nil {
			a.intentions.keep(a.record)
			return
		}
		err := a.conclude(ctx, answer)
		a.work.release()
		if err != nil {
			a.cfg.Logger.WithError(err).WithField("cluster", a.outcome.Plan.Name).Warn("outcome of an action not recorded yet")
		}
		a.schedule.add(a.outcome.Plan.ID, time.Now(), "event")
	}()
}

// conclude takes in the answer to a statement that was under way. What is stored about the cluster may have changed since it was sent.
func (a *attempt) conclude(ctx context.Context, answer error) error {
	s, err := a.observe(ctx, []string{a.outcome.Plan.ID})
	if err != nil {
		a.intentions.keep(a.record)
		return err
	}
	now := *a.pass
	if len(s.Clusters) > 0 {
		now.memory, now.expected = memoryOf(&s.Clusters[0]), s.Clusters[0]
	}
	a.pass = &now
	result, err := a.answered(ctx, answer)
	switch {
	case result == nil:
		return err
	case result.Err != nil:
		a.work.failed(result.SQL)
	default:
		a.work.succeeded(result.SQL)
	}
	a.log(*result)
	return err
}

// giveUp stores what strategies want to remember of an action that took too long.
func (a *attempt) giveUp(ctx context.Context) error {
	payloads := a.outcome.Plan.TimedOut
	if len(payloads) == 0 {
		return nil
	}
	maps.Copy(a.memory.Strategies, payloads)
	return a.saveState(ctx, a.outcome.Plan.ID, a.memory)
}
