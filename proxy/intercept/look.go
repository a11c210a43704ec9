package intercept

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"mzproxy/engine"
	"mzproxy/proxy"
)

// At most so many NOTICEs tell of one statement's actions.
const maxNotices = 5

// look runs the engine for the clusters of some writes, and waits for it. A
// cancel request ends the wait, not the work.
func (h *handler) look(ctx context.Context, writes []pendingWrite) []*proxy.Notice {
	trigger := h.trigger("statement")
	trigger.SQLKind = string(writes[0].op)
	trigger.Since = writes[0].sent
	var ids []string
	for _, w := range writes {
		if w.clusters == nil {
			ids = nil
			break
		}
		ids = append(ids, w.clusters...)
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	for _, w := range writes {
		if w.clusters != nil && len(w.clusters) == 0 && len(ids) == 0 {
			return nil // nothing was touched
		}
	}
	outcomes, err := h.lookBehind(ctx, trigger, ids)
	switch {
	case errors.Is(err, errBehind):
		return []*proxy.Notice{notice("NOTICE", codeOK, "the work on the clusters goes on behind", "", "Run SHOW STRATEGY ACTIONS to see what was done.")}
	case err != nil:
		h.log.WithError(err).Warn("look after a write failed")
		return []*proxy.Notice{notice("WARNING", codeEngine, "the write is stored, but the clusters cannot be looked at now", sentence(reason(err)), "It is tried again until it works; run SHOW STRATEGY STATUS to see how it goes.")}
	}
	return h.tell(outcomes)
}

// errBehind says that the work goes on.
var errBehind = errors.New("the work goes on behind")

// lookBehind looks on the interceptor's own context and waits for the result as
// long as ctx and the patience for notices last.
func (h *handler) lookBehind(ctx context.Context, trigger engine.Trigger, ids []string) ([]engine.Outcome, error) {
	type result struct {
		outcomes []engine.Outcome
		err      error
	}
	results := make(chan result, 1)
	h.looks.Go(func() {
		work, cancel := context.WithTimeout(h.life, 5*time.Minute)
		defer cancel()
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

// tell puts outcomes into NOTICEs: what was done, what failed, what is wrong
// with what is stored, and what was held back.
func (h *handler) tell(outcomes []engine.Outcome) []*proxy.Notice {
	var actions, rest []*proxy.Notice
	for i := range outcomes {
		o := &outcomes[i]
		actions = append(actions, actionNotices(o)...)
		rest = append(rest, problemNotices(o)...)
		rest = append(rest, duplicateNotices(o)...)
		rest = append(rest, guardNotices(o)...)
		if h.settings.notices() == noticesAll {
			rest = append(rest, decisionNotices(o)...)
		}
	}
	if more := len(actions) - maxNotices; more > 0 {
		actions = append(actions[:maxNotices], notice("NOTICE", codeOK, fmt.Sprintf("and %d more; run SHOW STRATEGY ACTIONS", more), "", ""))
	}
	return append(actions, rest...)
}

func actionNotices(o *engine.Outcome) []*proxy.Notice {
	var list []*proxy.Notice
	if o.Observe {
		for _, a := range o.Plan.Actions {
			list = append(list, notice("NOTICE", codeOK, "would "+describe(o.Plan.Name, a), reasons(a), "The proxy only observes (--observe)."))
		}
	}
	for _, r := range o.Results {
		if r.Err != nil {
			list = append(list, failureNotice(o, r))
			continue
		}
		list = append(list, notice("NOTICE", codeOK, past(r.Op)+" "+object(o.Plan.Name, r.Action), reasons(r.Action), ""))
	}
	return list
}

func failureNotice(o *engine.Outcome, r engine.ActionResult) *proxy.Notice {
	return notice("WARNING", sqlstate(r.Err), "could not "+describe(o.Plan.Name, r.Action)+": "+reason(r.Err), reasons(r.Action),
		"The strategies stay stored; the action is tried again.")
}

func describe(cluster string, a engine.Action) string { return string(a.Op) + " " + object(cluster, a) }

func past(op engine.Op) string {
	if op == engine.OpDrop {
		return "dropped"
	}
	return "created"
}

// object names a replica with its size, where that is known.
func object(cluster string, a engine.Action) string {
	text := "cluster replica " + engine.QuoteIdent(cluster) + "." + engine.QuoteIdent(a.Replica)
	if a.Size != "" {
		text += " (" + a.Size + ")"
	}
	return text
}

func reasons(a engine.Action) string {
	text := ""
	for _, r := range a.Reasons {
		if text != "" {
			text += " "
		}
		text += r.Text + "."
	}
	return text
}

func problemNotices(o *engine.Outcome) []*proxy.Notice {
	var list []*proxy.Notice
	for _, p := range o.Plan.Problems {
		message := fmt.Sprintf("cluster %q takes no strategies: %s", o.Plan.Name, p.Message)
		if p.Strategy != "" {
			message = fmt.Sprintf("strategy %q of cluster %q: %s", p.Strategy, o.Plan.Name, p.Message)
		}
		list = append(list, notice("WARNING", problemState(p.Code), message, "It is left out; the other strategies run.", ""))
	}
	return list
}

// duplicateNotices tells which row of a type no longer counts.
func duplicateNotices(o *engine.Outcome) []*proxy.Notice {
	var list []*proxy.Notice
	counts := map[string]int{}
	for _, row := range o.Before.Strategies {
		if counts[row.Type]++; counts[row.Type] == 2 {
			list = append(list, notice("NOTICE", codeOK, fmt.Sprintf("cluster %q has several rows of strategy %q; only the newest counts", o.Plan.Name, row.Type), "",
				"Delete the older ones, or run VALIDATE STRATEGIES to see them."))
		}
	}
	return list
}

func guardNotices(o *engine.Outcome) []*proxy.Notice {
	var list []*proxy.Notice
	for _, g := range o.Plan.Guards {
		if g.Held {
			list = append(list, notice("NOTICE", codeOK, fmt.Sprintf("held back on cluster %q: %s", o.Plan.Name, g.Text), "", ""))
		}
	}
	for _, orphan := range o.Plan.Orphans {
		list = append(list, notice("NOTICE", codeOK, fmt.Sprintf("cluster replica %s.%s stays: nobody asked for its end", engine.QuoteIdent(o.Plan.Name), engine.QuoteIdent(orphan.Replica)),
			fmt.Sprintf("It was created by strategy %q, which the cluster no longer has.", orphan.Strategy), "Drop it with DROP CLUSTER REPLICA if it is not needed."))
	}
	return list
}

func decisionNotices(o *engine.Outcome) []*proxy.Notice {
	var list []*proxy.Notice
	for _, d := range o.Plan.Decisions {
		list = append(list, notice("NOTICE", codeOK, fmt.Sprintf("cluster %q: %s: %s %s", o.Plan.Name, d.Strategy, d.Verb, d.Text), "", ""))
	}
	return list
}
