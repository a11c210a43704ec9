package intercept

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
)

// lookFor runs the engine for the clusters of some writes, and waits for it. A
// cancel request ends the wait, not the work.
func (h *handler) lookFor(ctx context.Context, writes []pendingWrite) []*proxy.Notice {
	all := writes[0]
	for _, w := range writes[1:] {
		all = all.with(w)
	}
	ids := slices.Clone(all.clusters)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	if all.clusters != nil && len(ids) == 0 {
		return nil // nothing was touched
	}
	var unapproved error
	super := h.self.super
	approve := func(ctx context.Context) { _, unapproved = h.approve(ctx, ofWrites(writes), super) }
	trigger := h.trigger(triggerStatement)
	trigger.SQLKind, trigger.Since = string(all.op), all.sent
	before := h.storedBefore(ids)
	outcomes, err := h.lookBehind(ctx, trigger, ids, approve)
	h.record(ctx, h.changesOf(all, before, outcomes))
	switch {
	case errors.Is(err, errBehind):
		return []*proxy.Notice{goesOn()}
	case err != nil:
		h.log.WithError(err).Warn("look after a write failed")
		return []*proxy.Notice{notice(severityWarning, sqlstate(err), "the write is stored, but the clusters cannot be looked at now", h.cause(err),
			cmp.Or(remedy(err), "It is tried again until it works; run SHOW STRATEGY STATUS to see how it goes."))}
	}
	for i := range outcomes {
		h.rows.saw(&outcomes[i].Before)
	}
	told := h.tell(outcomes, all)
	if unapproved != nil {
		h.log.WithError(unapproved).Warn("what was written is not approved")
		told = append(told, h.notApproved(unapproved))
	}
	switch missing := without(ids, outcomes); {
	case all.clusters == nil:
		told = append(told, h.tellStrays(ctx)...)
	case len(missing) > 0: // clusters that were dropped since the write
		told = append(told, h.tellStrays(ctx, missing...)...)
	}
	return h.shortened(told)
}

// without are the clusters that outcomes do not tell of.
func without(ids []string, outcomes []reconcile.Outcome) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool {
		return slices.ContainsFunc(outcomes, func(o reconcile.Outcome) bool { return o.Plan.ID == id })
	})
}

// errBehind says that the work goes on.
var errBehind = errors.New("the work goes on behind")

func goesOn() *proxy.Notice {
	return notice(severityNotice, codeOK, "the work on the clusters goes on in the background", "", "Run SHOW STRATEGY ACTIONS to see what was done.")
}

// How long a look may take that nobody waits for any more.
const lookTimeout = 5 * time.Minute

// lookBehind looks on the interceptor's own context and waits for the result as
// long as ctx and the patience for notices last. What comes before the look, if anything, goes on as well.
func (h *handler) lookBehind(ctx context.Context, trigger reconcile.Trigger, ids []string, before func(context.Context)) ([]reconcile.Outcome, error) {
	type result struct {
		outcomes []reconcile.Outcome
		err      error
	}
	began := time.Now()
	defer func() { h.metrics.looks.WithLabelValues(trigger.Kind).Observe(time.Since(began).Seconds()) }()
	results := make(chan result, 1)
	h.looks.Go(func() {
		work, cancel := context.WithTimeout(h.life, lookTimeout)
		defer cancel()
		if before != nil {
			before(work)
		}
		outcomes, err := h.cfg.Engine.Look(work, trigger, ids...)
		results <- result{outcomes, err}
	})
	patience := time.NewTimer(h.cfg.NoticeWait)
	defer patience.Stop()
	select {
	case r := <-results:
		return r.outcomes, r.err
	case <-patience.C:
	case <-ctx.Done():
	}
	return nil, errBehind
}
