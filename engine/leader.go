package engine

import (
	"context"
	"fmt"
	"time"
)

// Leader decides which of several proxies in front of one server reconciles.
type Leader interface {
	// Run tries to lead until ctx ends, and gives the lease up then. It calls
	// elected whenever it comes to lead.
	Run(ctx context.Context, elected func())
	// Leading tells whether the lease is held and has enough time left for one
	// more statement.
	Leading() bool
}

// follow is the look of a proxy that does not lead: the leader is told by the
// table itself, and its actions are awaited, so that the user hears of them.
func (r *Reconciler) follow(ctx context.Context, trigger Trigger, ids []string) ([]Outcome, error) {
	for {
		s, plan, err := r.Explain(ctx, ids...)
		if err != nil {
			return nil, err
		}
		pending := false
		outcomes := make([]Outcome, len(plan.Clusters))
		for i := range plan.Clusters {
			outcomes[i] = Outcome{Before: s.Clusters[i], Plan: plan.Clusters[i], Now: s.Now}
			pending = pending || len(plan.Clusters[i].Actions) > 0
		}
		if !pending {
			return r.leadersActions(ctx, trigger, outcomes)
		}
		if r.cfg.Leader.Leading() {
			return r.Look(ctx, trigger, ids...)
		}
		sleep(ctx, 100*time.Millisecond)
		if ctx.Err() != nil {
			return outcomes, ctx.Err()
		}
	}
}

// Auditor reads back what was done.
type Auditor interface {
	Actions(ctx context.Context, f ActionFilter) ([]ActionRecord, error)
}

// leadersActions adds to the outcomes what the leader did since the statement.
func (r *Reconciler) leadersActions(ctx context.Context, trigger Trigger, outcomes []Outcome) ([]Outcome, error) {
	auditor, ok := r.cfg.Recorder.(Auditor)
	if !ok || trigger.Since.IsZero() {
		return outcomes, nil
	}
	for i := range outcomes {
		o := &outcomes[i]
		records, err := auditor.Actions(ctx, ActionFilter{ClusterID: o.Plan.ID, Limit: 20})
		if err != nil {
			return outcomes, fmt.Errorf("read the leader's actions: %w", err)
		}
		// The server's clock says how old a row is; only the age is compared.
		window := time.Since(trigger.Since)
		for j := len(records) - 1; j >= 0; j-- {
			record := records[j]
			if record.Executed == nil || o.Now.Sub(record.CreatedAt) > window {
				continue
			}
			o.Results = append(o.Results, record.result())
		}
	}
	return outcomes, nil
}

func (r ActionRecord) result() ActionResult {
	a := Action{Op: Op(r.Context.Op), Replica: r.Context.Replica, Size: r.Context.Size, SQL: r.SQL}
	for i, text := range r.Context.Reasons {
		reason := Reason{Text: text}
		if i < len(r.Context.Strategies) {
			reason.Strategy = r.Context.Strategies[i]
		}
		a.Reasons = append(a.Reasons, reason)
	}
	result := ActionResult{Action: a, ActionID: r.ActionID}
	if r.Error != "" {
		result.Err = fmt.Errorf("%s", r.Error)
	}
	return result
}
