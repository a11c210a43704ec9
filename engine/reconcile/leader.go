package reconcile

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
	// more statement, by this machine's clock.
	Leading() bool
	// Confirm asks the server whether the lease is held.
	Confirm(ctx context.Context) (bool, error)
}

// Auditor reads back what was done. A Recorder that is one lets a proxy that
// does not lead tell its users what the leader did.
type Auditor interface {
	Actions(ctx context.Context, f ActionFilter) ([]ActionRecord, error)
}

// Waits between two looks for the leader's actions.
const (
	firstFollow = 50 * time.Millisecond
	lastFollow  = 500 * time.Millisecond
)

// follow is the look of a proxy that does not lead: the leader is told by the
// table itself, and its actions are awaited, so that the user hears of them.
func (r *Reconciler) follow(ctx context.Context, trigger Trigger, ids []string) ([]Outcome, error) {
	since := trigger.Since
	if since.IsZero() {
		since = time.Now()
	}
	for wait := firstFollow; ; wait = min(2*wait, lastFollow) {
		seen, err := r.survey(ctx, trigger.asked(), ids)
		if err != nil {
			return nil, err
		}
		over, err := r.leadersActions(ctx, since, seen)
		if err != nil {
			return nil, fmt.Errorf("read the leader's actions: %w", err)
		}
		if over {
			return values(seen), nil
		}
		if !sleep(ctx, wait) {
			return values(seen), ctx.Err()
		}
		if r.leading() {
			return r.Look(ctx, trigger, ids...)
		}
	}
}

// clockSkew is how far apart what two proxies know of the server's clock may be.
const clockSkew = time.Second

func values(seen []*Outcome) []Outcome {
	outcomes := make([]Outcome, len(seen))
	for i, o := range seen {
		outcomes[i] = *o
	}
	return outcomes
}

// leadersActions adds to outcomes what the leader did since a moment. over tells whether there is
// nothing more to come: nothing is left to do, or it has failed.
func (r *Reconciler) leadersActions(ctx context.Context, since time.Time, seen []*Outcome) (over bool, err error) {
	byID := map[string]*Outcome{}
	for _, o := range seen {
		byID[o.Plan.ID] = o
	}
	filter := ActionFilter{Limit: 20 * max(1, len(seen))}
	if len(seen) == 1 {
		filter.ClusterID = seen[0].Plan.ID
	}
	var records []ActionRecord
	if auditor, ok := r.cfg.Recorder.(Auditor); ok {
		if records, err = auditor.Actions(ctx, filter); err != nil {
			return false, err
		}
	}
	pending := map[string]bool{}
	for _, o := range seen {
		pending[o.Plan.ID] = len(o.Plan.Actions) > 0
	}
	window := time.Since(since) + clockSkew
	for i := len(records) - 1; i >= 0; i-- { // the oldest first
		record := records[i]
		o := byID[record.ClusterID]
		// The server's clock says how old a row is; only the age is compared.
		if o == nil || record.Context.Op == "" || o.Now.Sub(record.CreatedAt) > window {
			continue
		}
		if record.Executed == nil {
			pending[record.ClusterID] = true
			continue
		}
		result := record.result()
		o.Results = append(o.Results, result)
		if result.Err != nil {
			pending[record.ClusterID] = false
		}
	}
	for _, waits := range pending {
		if waits {
			return false, nil
		}
	}
	return true, nil
}
