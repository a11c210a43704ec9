package intercept

import (
	"context"
	"fmt"
	"slices"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// explain answers EXPLAIN STRATEGY: the plan, and why nothing happens where
// nothing happens. It executes nothing.
func (h *handler) explain(ctx context.Context, q proxy.Query, c rewrite.ExplainStrategy) (*proxy.Answer, error) {
	column := []proxy.Column{{Name: "STRATEGY PLAN", OID: oidText}}
	if c.JSON {
		column = []proxy.Column{{Name: "plan", OID: oidJSONB}}
	}
	return h.answer(column, "EXPLAIN", func(ctx context.Context, t *table) error {
		report, err := h.report(ctx, q, c)
		if err != nil {
			return err
		}
		if c.JSON {
			document, err := report.json()
			t.add(text(document))
			return err
		}
		for _, line := range report.text(c.Verbose) {
			t.add(text(line))
		}
		return nil
	}), nil
}

// report is what EXPLAIN STRATEGY shows.
type report struct {
	snapshot engine.Snapshot
	plan     engine.Plan
	before   *engine.Plan // what-if: the plan of now
	verbose  bool
}

// report makes the plan that is asked for.
func (h *handler) report(ctx context.Context, q proxy.Query, c rewrite.ExplainStrategy) (report, error) {
	if c.WhatIf != nil {
		return h.whatIf(ctx, q, c)
	}
	matches, err := h.scope(ctx, q, c.Scope)
	if err != nil {
		return report{}, err
	}
	var wanted []string
	if c.Cluster != nil {
		info, err := h.named(ctx, q, c.Cluster)
		if err != nil {
			return report{}, err
		}
		wanted = []string{info.ID}
	}
	s, plan, err := h.cfg.Engine.Explain(ctx, wanted...)
	if err != nil {
		return report{}, unreachable(ctx, err)
	}
	return selected(s, plan, matches), nil
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

// whatIf plans for what a write would store. It validates as the write itself
// would, and stores nothing.
func (h *handler) whatIf(ctx context.Context, q proxy.Query, c rewrite.ExplainStrategy) (report, error) {
	w := c.WhatIf.Write
	checked, err := h.check(ctx, q.Text, w, nil)
	if err != nil {
		return report{}, err
	}
	if w.Opaque {
		return report{}, &proxy.Error{Code: proxy.CodeFeatureNotSupported, Message: "the effect of this statement cannot be told beforehand",
			Hint: "Use constants and simple conditions: INSERT ... VALUES, WHERE cluster_id = '...' AND strategy_type = '...'."}
	}
	s, before, after, err := h.cfg.Engine.WhatIf(ctx, checked.clusters(), func(s *engine.Snapshot) { checked.apply(s) })
	if err != nil {
		return report{}, unreachable(ctx, err)
	}
	return report{snapshot: s, plan: after, before: &before}, nil
}

// apply changes the strategies of a snapshot as the write would.
func (c *check) apply(s *engine.Snapshot) {
	test, _ := c.selects()
	for i := range s.Clusters {
		cluster := &s.Clusters[i]
		var rows []engine.StrategyRow
		for _, row := range cluster.Strategies {
			if c.write.Op == rewrite.Insert || !test(storedRow{cluster.ID, row}) {
				rows = append(rows, row)
				continue
			}
			if c.write.Op == rewrite.Update {
				rows = append(rows, c.updated(row, s.Now))
			}
		}
		for _, row := range c.write.Rows {
			id := c.resolve(row[rewrite.ColumnCluster])
			if info, ok := c.lookup(id.text); !ok || info.ID != cluster.ID {
				continue
			}
			now := s.Now
			rows = append(rows, engine.StrategyRow{Type: c.resolve(row[rewrite.ColumnType]).text,
				Config: []byte(c.resolve(row[rewrite.ColumnConfig]).text), UpdatedAt: &now})
		}
		cluster.Strategies = rows
	}
}

// updated is a row as an UPDATE would leave it.
func (c *check) updated(row engine.StrategyRow, now engine.Timestamp) engine.StrategyRow {
	if v, ok := c.write.Sets(rewrite.ColumnType); ok {
		row.Type = c.resolve(v).text
	}
	if v, ok := c.write.Sets(rewrite.ColumnConfig); ok {
		row.Config = []byte(c.resolve(v).text)
		row.UpdatedAt = &now
	}
	return row
}

// creditChange is what a plan does to the bill.
func creditChange(before, after float64) string {
	if before == after {
		return fmt.Sprintf("%g credits/hour", before)
	}
	return fmt.Sprintf("%g -> %g credits/hour", before, after)
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
