package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
)

// pass carries out one plan for one cluster. The caller holds the cluster.
type pass struct {
	*Reconciler
	trigger Trigger
	work    *clusterWork
	outcome *Outcome
	memory  ClusterMemory // what is stored about the cluster, with the actions so far
	// expected is the cluster as it was when the plan was made, with the actions so far.
	expected engine.ClusterState
	executed int64
	// missing are actions that were not executed: they failed, or wait for their next try.
	missing []engine.Action
}

func (r *Reconciler) newPass(trigger Trigger, w *clusterWork, o *Outcome) *pass {
	return &pass{Reconciler: r, trigger: trigger, work: w, outcome: o, memory: memoryOf(&o.Before), expected: o.Before}
}

// carryOut tries the actions of the plan in order, and records each. One that fails does not keep the others from being tried, but for
// those that rely on it. A cluster that has changed beside the actions themselves ends the pass: the error is errChanged
// then. Of actions whose answer never came the first error is returned, in the end.
func (p *pass) carryOut(ctx context.Context) error {
	var unanswered error
	for _, a := range p.outcome.Plan.Actions {
		if ctx.Err() != nil || p.outcome.Before.RecentActions+p.executed >= p.outcome.snapshot.Rate.WithDefaults().Actions {
			break
		}
		if p.waits(a) {
			p.missing = append(p.missing, a)
			continue
		}
		result, err := p.try(ctx, a)
		switch {
		case errors.Is(err, ErrNoAnswer):
			if unanswered == nil {
				unanswered = err
			}
			p.work.failed(a.SQL)
			p.missing = append(p.missing, a)
		case err != nil:
			return err
		case result == nil: // somebody else has done it
			p.expected = after(p.expected, a)
		default:
			p.note(*result)
			if errors.Is(result.Err, errAstray) {
				return nil
			}
		}
	}
	return unanswered
}

// waits tells whether an action is not due yet, or relies on another one that was not executed.
func (p *pass) waits(a engine.Action) bool {
	if slices.ContainsFunc(p.missing, func(b engine.Action) bool { return reliesOn(a, b) }) {
		return true
	}
	at := p.work.retryAt(p.trigger, a.SQL)
	if at.IsZero() {
		return false
	}
	if p.outcome.RetryAt.IsZero() || at.Before(p.outcome.RetryAt) {
		p.outcome.RetryAt = at
	}
	return true
}

// reliesOn tells whether a drop waits for a create: a strategy that wants both in one plan replaces one by the other.
func reliesOn(a, b engine.Action) bool {
	return a.Op == engine.OpDrop && b.Op == engine.OpCreate && slices.ContainsFunc(a.Reasons, func(r engine.Reason) bool {
		return slices.ContainsFunc(b.Reasons, func(s engine.Reason) bool { return s.Strategy == r.Strategy })
	})
}

// note takes in what became of an action.
func (p *pass) note(result ActionResult) {
	p.outcome.Results = append(p.outcome.Results, result)
	p.work.note(result)
	p.log(result)
	if result.Err != nil {
		p.work.failed(result.SQL)
		p.missing = append(p.missing, result.Action)
		return
	}
	p.work.succeeded(result.SQL)
	p.reacted(p.trigger, p.work)
	p.expected = after(p.expected, result.Action)
	p.executed++
}

// changed tells whether something was done in this pass.
func (p *pass) changed() bool { return p.executed > 0 }

// after is what a cluster looks like once an action is done.
func after(c engine.ClusterState, a engine.Action) engine.ClusterState {
	if a.Alter != nil {
		shape := a.Alter.To
		c.Shape, c.Reconfiguring = &shape, nil
		return c
	}
	c.Replicas = slices.DeleteFunc(slices.Clone(c.Replicas), func(r engine.Replica) bool { return r.Name == a.Replica })
	if a.Op == engine.OpCreate {
		c.Replicas = append(c.Replicas, engine.Replica{Name: a.Replica, Size: a.Size})
	}
	return c
}

// about is the name under which logs tell what an action is about.
func about(a engine.Action) string {
	if a.Alter != nil {
		return "change"
	}
	return "replica"
}

func (p *pass) log(result ActionResult) {
	entry := p.cfg.Logger.WithFields(logrus.Fields{"cluster": p.outcome.Plan.Name, "action": string(result.Op), about(result.Action): result.Subject(), "action_id": result.ActionID})
	if result.Err != nil {
		entry.WithError(result.Err).Warn("action failed")
		return
	}
	entry.WithField("reason", result.Reasons[0].Text).Info("action executed")
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
