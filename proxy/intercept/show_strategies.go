package intercept

import (
	"context"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// showStrategies answers SHOW STRATEGIES: a row per stored strategy.
func (h *handler) showStrategies(q proxy.Query, c rewrite.ShowStrategies) *proxy.Answer {
	cols := columns("cluster", "strategy", "state", "decision", "next_look", "config")
	cols[4].OID, cols[5].OID = pgtext.TypeTimestamptz, pgtext.TypeJSONB
	list := shown{cols, []string{"cluster", "strategy", "state", "decision", "next_look"}, c.Verbose}
	return h.answerShown(list, func(ctx context.Context, t *table) error {
		if err := h.mayRead(ctx, t, rewrite.Table); err != nil {
			return err
		}
		matches, err := h.lately(ctx, q, c.Scope, t)
		if err != nil {
			return err
		}
		s, plan, err := h.observe(ctx, t)
		if err != nil {
			return err
		}
		r := h.veil(ctx, t, selected(s, plan, matches))
		for _, row := range s.Pauses { // which concern any cluster
			state := pauseState(row, s.Now)
			list.add(t, text(engine.AllClusters), text(row.Type), text(state.state), orNull(state.decision), timestamp(state.next), text(string(row.Config)))
		}
		for _, u := range s.UnapprovedPauses {
			list.add(t, text(engine.AllClusters), text(u.Type), text("unapproved"), text(u.Why), nil, text(string(u.Config)))
		}
		for i, plan := range r.plan.Clusters {
			for _, u := range r.snapshot.Clusters[i].Unapproved {
				list.add(t, text(plan.Name), text(u.Type), text("unapproved"), text(u.Why), nil, text(string(u.Config)))
			}
			rows := r.snapshot.Clusters[i].Strategies
			for n, counts := range engine.Counting(rows) {
				state := rowState{state: "superseded", decision: "a newer row counts"}
				if counts {
					state = stateOf(rows[n], plan)
				}
				list.add(t, text(plan.Name), text(rows[n].Type), text(state.state), orNull(state.decision), timestamp(state.next), text(string(rows[n].Config)))
			}
		}
		for _, stray := range s.Strays {
			if matches(stray.ClusterID, stray.ClusterID) {
				list.add(t, text(stray.ClusterID), text(stray.Type), text("error"), text("cluster_id is the id of no cluster"), nil, text(string(stray.Config)))
			}
		}
		return nil
	})
}

// rowState says what became of a stored row: active, superseded by a newer one, in error, or a
// pause that is over.
type rowState struct {
	state, decision string
	next            *engine.Timestamp
}

// pauseState is the state of a row that pauses all clusters.
func pauseState(row engine.StrategyRow, now engine.Timestamp) rowState {
	plan := engine.Planner{Registry: engine.NewRegistry()}.Plan(engine.Snapshot{Now: now, Pauses: []engine.StrategyRow{row}, Clusters: []engine.ClusterState{{ID: "u"}}})
	state := stateOf(row, plan.Clusters[0])
	if row.Fault != "" {
		state.decision = row.Fault
	}
	return state
}

// stateOf is the state of a row that counts.
func stateOf(row engine.StrategyRow, plan engine.ClusterPlan) rowState {
	for _, p := range plan.Problems {
		if (p.Strategy == row.Type || p.Strategy == "") && p.Code != engine.BadState && p.Code != engine.UnapprovedRow {
			return rowState{"error", p.Message, nil}
		}
	}
	if row.Type == engine.PauseType {
		for _, g := range plan.Guards {
			if g.Name == engine.GuardPause {
				return rowState{"active", g.Pause.Endless(), g.Until}
			}
		}
		return rowState{"over", "", nil}
	}
	for _, d := range plan.Decisions {
		if d.Strategy == row.Type {
			return rowState{"active", d.Verb + ": " + d.Text, d.Until}
		}
	}
	return rowState{"inactive", "", nil}
}
