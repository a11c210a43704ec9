package intercept

import (
	"context"
	"fmt"
	"slices"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// explain answers EXPLAIN STRATEGY: the plan, and why nothing happens where
// nothing happens. It executes nothing.
func (h *handler) explain(q proxy.Query, c rewrite.ExplainStrategy) *proxy.Answer {
	a := h.explainWith(q, c, nil)
	if c.WhatIf != nil {
		a.ParamOIDs = parameterTypes(c.WhatIf.Write)
		a.Bound = func(b proxy.Bind) *proxy.Answer { return h.explainWith(q, c, boundArguments(&b)) }
	}
	return a
}

// parameterTypes are those that the server gives the parameters of a write: the types of their columns.
func parameterTypes(w *rewrite.Write) []uint32 {
	var types []uint32
	for _, column := range w.Parameters() {
		switch column {
		case rewrite.ColumnConfig:
			types = append(types, pgtext.TypeJSONB)
		case rewrite.ColumnUpdated:
			types = append(types, pgtext.TypeTimestamptz)
		default:
			types = append(types, pgtext.TypeText)
		}
	}
	return types
}

// explainWith is explain of a statement with parameters.
func (h *handler) explainWith(q proxy.Query, c rewrite.ExplainStrategy, args arguments) *proxy.Answer {
	column := []proxy.Column{{Name: "STRATEGY PLAN", OID: pgtext.TypeText}}
	if c.JSON {
		column = []proxy.Column{{Name: "plan", OID: pgtext.TypeJSONB}}
	}
	return h.answer(column, "EXPLAIN", func(ctx context.Context, t *table) error {
		if err := h.mayRead(ctx, t, rewrite.Table); err != nil {
			return err
		}
		report, err := h.report(ctx, q, c, args)
		if err != nil {
			return err
		}
		report = h.veil(ctx, t, report)
		lines := report.text(h.cfg.Registry, c.Verbose, h.session.Parameter("client_encoding") == "UTF8")
		if c.JSON {
			if lines, err = report.json(); err != nil {
				return err
			}
		}
		for _, line := range lines {
			t.add(text(line))
		}
		return nil
	})
}

// report is what EXPLAIN STRATEGY shows.
type report struct {
	snapshot engine.Snapshot
	plan     engine.Plan
	before   *engine.Plan // what-if: the plan of now
	none     string       // what is said where no cluster is in it
}

// report makes the plan that is asked for.
func (h *handler) report(ctx context.Context, q proxy.Query, c rewrite.ExplainStrategy, args arguments) (report, error) {
	if c.WhatIf != nil {
		return h.whatIf(ctx, q, c, args)
	}
	catalog, err := h.catalog(ctx) // a plan is about now
	if err != nil {
		return report{}, err
	}
	if c.Cluster != nil {
		catalog = h.seek(ctx, catalog, c.Cluster.Text)
	}
	matches, err := h.scope(ctx, q, c.Scope, catalog)
	if err != nil {
		return report{}, err
	}
	var wanted []string
	if c.Cluster != nil {
		info, _ := findCluster(catalog, c.Cluster.Text)
		wanted = []string{info.ID}
	}
	s, plan, err := h.cfg.Engine.Explain(ctx, wanted...)
	if err != nil {
		return report{}, unreachable(ctx, err)
	}
	r := selected(s, plan, matches)
	r.none = "No cluster has strategies"
	if c.Like != nil {
		r.none = "No cluster that matches has strategies"
	}
	return r, nil
}

// selected keeps the clusters that match.
func selected(s engine.Snapshot, plan engine.Plan, matches func(id, name string) bool) report {
	r := report{snapshot: s, plan: plan}
	r.snapshot.Clusters, r.plan.Clusters = nil, nil
	for i, c := range plan.Clusters {
		if matches(c.ID, c.Name) {
			r.snapshot.Clusters = append(r.snapshot.Clusters, s.Clusters[i])
			r.plan.Clusters = append(r.plan.Clusters, c)
		}
	}
	return r
}

// difference lists actions of one plan that another does not have.
func difference(of, from []engine.Action) []engine.Action {
	var list []engine.Action
	for _, a := range of {
		if !slices.ContainsFunc(from, func(b engine.Action) bool { return a.SQL == b.SQL }) {
			list = append(list, a)
		}
	}
	return list
}

// creditChange is what a plan does to the bill.
func creditChange(before, after float64) string {
	switch {
	case before != after:
		return fmt.Sprintf("%g -> %g credits/hour", before, after)
	case after == 1:
		return "1 credit/hour"
	}
	return fmt.Sprintf("%g credits/hour", after)
}
