package strategy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	. "mzproxy/engine/enginetest"
	"mzproxy/engine/strategy"
)

// row is one rule: what is there, and what the plan does about it.
type row struct {
	rule  string
	parts []Part
	want  []string // "create NAME SIZE: REASON", "drop NAME: REASON"
	says  string   // part of the text of the last strategy's decision; empty: not looked at
}

// decide plans for the cluster "prod".
func decide(parts []Part) engine.ClusterPlan {
	planner := engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}
	return planner.Plan(Snapshot(Cluster("prod", parts...))).Clusters[0]
}

func check(t *testing.T, rows []row) {
	t.Helper()
	for _, r := range rows {
		t.Run(r.rule, func(t *testing.T) {
			plan := decide(r.parts)
			if len(plan.Problems) > 0 {
				t.Fatalf("problems: %v", plan.Problems)
			}
			if diff := cmp.Diff(r.want, lines(plan.Actions)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			d := plan.Decisions[len(plan.Decisions)-1]
			if !strings.Contains(d.Text, r.says) || d.Text == "" {
				t.Errorf("%s says %q, not %q", d.Strategy, d.Text, r.says)
			}
			if acts := len(d.Step.Add)+len(d.Step.Remove) > 0; acts != (d.Verb == engine.VerbCreate || d.Verb == engine.VerbDrop || d.Verb == engine.VerbSuspend && len(d.Step.Remove) > 0) {
				t.Errorf("verb %q with step %+v", d.Verb, d.Step)
			}
		})
	}
}

func lines(actions []engine.Action) []string {
	var list []string
	for _, a := range actions {
		line := string(a.Op) + " " + a.Replica
		if a.Op == engine.OpCreate {
			line += " " + a.Size
		}
		for _, r := range a.Reasons {
			line += ": " + r.Text
		}
		list = append(list, line)
	}
	return list
}
