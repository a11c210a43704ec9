package intercept

import (
	"context"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// showStrategies answers SHOW STRATEGIES: a row per stored strategy.
func (h *handler) showStrategies(q proxy.Query, c rewrite.ShowStrategies) *proxy.Answer {
	cols := columns("cluster", "strategy", "state", "decision", "next_look", "config")
	cols[5].OID = oidJSONB
	return h.answer(cols, "", func(ctx context.Context, t *table) error {
		matches, err := h.scope(ctx, q, c.Scope)
		if err != nil {
			return err
		}
		s, plan, err := h.observe(ctx, t)
		if err != nil {
			return err
		}
		r := selected(s, plan, matches)
		for i := range r.plan.Clusters {
			for _, row := range r.snapshot.Clusters[i].Strategies {
				state, decision, next := rowState(row, r.snapshot.Clusters[i], r.plan.Clusters[i])
				t.add(text(r.plan.Clusters[i].Name), text(row.Type), text(state), orNull(decision), orNull(next), text(string(row.Config)))
			}
		}
		return nil
	})
}

// rowState says what became of a stored row: active, superseded by a newer one, in error, or a pause.
func rowState(row engine.StrategyRow, c engine.ClusterState, plan engine.ClusterPlan) (state, decision, next string) {
	for _, other := range c.Strategies {
		if other.Type == row.Type && other.UpdatedAt != nil && (row.UpdatedAt == nil || row.UpdatedAt.Compare(*other.UpdatedAt) < 0) {
			return "superseded", "a newer row counts", ""
		}
	}
	for _, p := range plan.Problems {
		if (p.Strategy == row.Type || p.Strategy == "") && p.Code != engine.BadState {
			return "error", p.Message, ""
		}
	}
	for _, g := range plan.Guards {
		if g.Name == engine.PauseType && row.Type == engine.PauseType {
			return "active", g.Text, ""
		}
	}
	for _, d := range plan.Decisions {
		if d.Strategy != row.Type {
			continue
		}
		if d.Until != nil {
			next = d.Until.Format("2006-01-02 15:04:05Z")
		}
		return "active", d.Verb + ": " + d.Text, next
	}
	return "inactive", "", ""
}
