package intercept

import (
	"context"
	"fmt"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// validate answers VALIDATE STRATEGIES: a row per finding in what is stored.
func (h *handler) validate(q proxy.Query, c rewrite.ValidateStrategies) *proxy.Answer {
	return h.answer(columns("cluster", "strategy", "code", "finding", "hint"), "", func(ctx context.Context, t *table) error {
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
			h.validateCluster(t, r.snapshot, r.snapshot.Clusters[i], r.plan.Clusters[i])
		}
		return nil
	})
}

func (h *handler) validateCluster(t *table, s engine.Snapshot, c engine.ClusterState, plan engine.ClusterPlan) {
	counts := map[string]int{}
	for _, p := range plan.Problems {
		if p.Strategy == "" || p.Code == engine.BadState {
			t.add(text(c.Name), orNull(p.Strategy), text(problemState(p.Code)), text(p.Message), nil)
		}
	}
	for _, row := range c.Strategies {
		if counts[row.Type]++; counts[row.Type] == 2 {
			t.add(text(c.Name), text(row.Type), text(codeOK), text("several rows of this type; only the newest counts"), text("Delete the older ones."))
		}
		for _, p := range h.cfg.Registry.Validate(row.Type, row.Config, engine.ValidateOptions{
			Sizes: s.Sizes, SizeAliases: h.cfg.SizeAliases, EnableExperimental: h.cfg.EnableExperimental,
		}) {
			t.add(text(c.Name), text(row.Type), text(configState(p.Code)), text(p.Message), orNull(p.Hint))
		}
	}
	for _, g := range plan.Guards {
		t.add(text(c.Name), orNull(g.Strategy), text(codeOK), text(fmt.Sprintf("%s: %s", g.Name, g.Text)), nil)
	}
}
