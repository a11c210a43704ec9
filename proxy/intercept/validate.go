package intercept

import (
	"cmp"
	"context"
	"fmt"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
)

// validate answers VALIDATE STRATEGIES: a row per finding in what is stored.
func (h *handler) validate(q proxy.Query, c rewrite.ValidateStrategies) *proxy.Answer {
	return h.answer(columns("cluster", "strategy", "code", "finding", "hint"), "", func(ctx context.Context, t *table) error {
		if err := h.mayRead(ctx, t, rewrite.Table); err != nil {
			return err
		}
		catalog, err := h.known(ctx, t)
		if err != nil {
			return err
		}
		matches, err := h.scope(ctx, q, c.Scope, catalog)
		if err != nil {
			return err
		}
		s, plan, err := h.observe(ctx, t)
		if err != nil {
			return err
		}
		r := h.veil(ctx, t, selected(s, plan, matches))
		for i := range r.plan.Clusters {
			h.validateCluster(t, r.snapshot, r.snapshot.Clusters[i], r.plan.Clusters[i])
		}
		if s.Undated {
			t.add(nil, nil, text(codeNoColumn), text(undated), text(undatedHint))
		}
		for _, row := range s.Pauses {
			if row.Fault != "" && matches(engine.AllClusters, engine.AllClusters) {
				t.add(text(engine.AllClusters), text(row.Type), text(problemState(engine.UnreadableRow)), text("the row cannot be read: "+row.Fault), text("RESUME STRATEGIES ends the pause."))
			}
		}
		for _, stray := range s.Strays {
			if matches(stray.ClusterID, stray.ClusterID) {
				t.add(text(stray.ClusterID), text(stray.Type), text(codeUndefined), text(strayFinding(catalog, stray)), text(strayHint(catalog, stray)))
			}
		}
		return nil
	})
}

// What is said of a table that another tool has made.
const (
	undated     = "table " + rewrite.Table + " has no column updated_at: its rows count as written when they were first seen"
	undatedHint = "Run: DROP TABLE " + rewrite.Table + "; the proxy makes it again, and the rows can be stored anew."
)

func (h *handler) validateCluster(t *table, s engine.Snapshot, c engine.ClusterState, plan engine.ClusterPlan) {
	for _, p := range plan.Problems {
		switch {
		case p.Code == engine.BadState:
			t.add(text(c.Name), orNull(p.Strategy), text(problemState(p.Code)), text(p.Message), text("RESET STRATEGY STATE forgets it."))
		case p.Code == engine.UnapprovedRow:
			t.add(text(c.Name), text(p.Strategy), text(problemState(p.Code)), text("a row is not approved: "+p.Message), text(approveHint(c.Name)))
		case p.Strategy == "":
			t.add(text(c.Name), nil, text(problemState(p.Code)), text(p.Message), nil)
		}
	}
	if n := len(c.Stored()); n > h.cfg.MaxRows {
		t.add(text(c.Name), nil, text(wire.CodeProgramLimit), text(fmt.Sprintf("the cluster has %d rows, and may have %d", n, h.cfg.MaxRows)), text("DELETE rows that do not count."))
	}
	for i, counts := range engine.Counting(c.Strategies) {
		row := c.Strategies[i]
		if !counts && row.Fault == "" {
			t.add(text(c.Name), text(row.Type), text(codeOK), text("the row written at "+written(row)+" does not count: a newer one does"), text("DELETE it if you do not need it any more."))
		}
		if row.Fault != "" {
			t.add(text(c.Name), text(row.Type), text(problemState(engine.UnreadableRow)), text("the row cannot be read: "+row.Fault), text("UPDATE or DELETE it."))
			continue
		}
		for _, p := range h.cfg.Registry.Validate(row.Type, row.Config, engine.ValidateOptions{
			Sizes: s.Sizes, SizeAliases: h.tunables.Load().SizeAliases, EnableExperimental: h.cfg.EnableExperimental,
			Managed: c.Shape != nil, NoAutoScaling: s.NoAutoScaling,
		}) {
			t.add(text(c.Name), text(row.Type), text(configState(p.Code)), text(p.Message), orNull(p.Hint))
		}
	}
	for _, f := range failures(c, plan) {
		t.add(text(c.Name), text(f.Reasons[0].Strategy), text(cmp.Or(f.Code, codeEngine)), text("could not "+describe(plan.Name, f.Action)+": "+f.why(s.Now)),
			text("It is "+f.next(s.Now)+"; APPLY STRATEGIES tries it now."))
	}
	for _, g := range plan.Guards {
		t.add(text(c.Name), orNull(g.Strategy), text(codeOK), text(fmt.Sprintf("%s: %s", g.Name, g.Text)), nil)
	}
}
