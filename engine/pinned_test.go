package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	. "mzproxy/engine/enginetest"
)

// aged changes the replica that was added last: its id, as the server gave it.
func aged(id string) Part {
	return func(c *engine.ClusterState) { c.Replicas[len(c.Replicas)-1].ID = id }
}

// Statements on a cluster whose sources run on one replica alone: their order, and where the sources restart.
func TestPinnedSources(t *testing.T) {
	target := Strategy("target_size", `{"target_size": "100cc"}`)
	burst := Strategy("burst", `{"burst_replica_size": "400cc"}`)
	for _, test := range []struct {
		name  string
		parts []Part
		want  []string
	}{
		{"resize", []Part{target, Ready("b", "25cc"), Ready("a", "100cc"), Source("s", "b")}, []string{`drop b: source "s" restarts on a`}},
		{"two sources", []Part{target, Ready("b", "25cc"), Ready("a", "100cc"), Source("t", "b"), Source("s", "b")}, []string{`drop b: sources "s", "t" restart on a`}},
		{"the source runs on what stays", []Part{target, Ready("b", "25cc"), Ready("a", "100cc"), Source("s", "a")}, []string{"drop b"}},
		{"no source", []Part{target, burst, Ready("a", "25cc"), Ready("prod_burst", "400cc"), Ready("r", "100cc")}, []string{"drop a", "drop prod_burst"}},
		{"the replica with the source goes last", []Part{target, burst, Ready("a", "25cc"), aged("u1"), Ready("prod_burst", "400cc"), aged("u2"), Ready("r", "100cc"), aged("u3"), Source("s", "a")},
			[]string{"drop prod_burst", `drop a: source "s" restarts on r`}},
		{"to the oldest by number", []Part{target, Ready("old", "25cc"), aged("u1"), Ready("x", "100cc"), aged("u10"), Ready("y", "100cc"), aged("u9"), Source("s", "old")},
			[]string{`drop old: source "s" restarts on y`}},
		{"to the oldest by time", []Part{target, Ready("old", "25cc"), Ready("x", "100cc"), Created("target_size", time.Minute), Ready("y", "100cc"), Created("target_size", time.Hour), Source("s", "old")},
			[]string{`drop old: source "s" restarts on y`}},
		{"nothing is left to restart on", []Part{Strategy("idle_suspend", `{"idle_after_s": 60}`), Active(time.Hour), Ready("a", "25cc"), Ready("b", "25cc"), Source("s", "a")},
			[]string{"drop b", "drop a"}},
		{"coming back", []Part{target, burst, Source("s", "")}, []string{"create r_100cc", "create prod_burst"}},
		{"to one that only waits for it", []Part{burst, Ready("prod_burst", "400cc"), Awaiting("r", "100cc", "s")}, []string{"drop prod_burst"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			snapshot := Snapshot(Cluster("prod", test.parts...))
			var got []string
			for _, a := range planner().Plan(snapshot).Clusters[0].Actions {
				line := fmt.Sprintf("%s %s", a.Op, a.Replica)
				if a.Restart != nil {
					line += ": " + a.Restart.String()
				}
				got = append(got, line)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			slices.Reverse(snapshot.Clusters[0].Replicas)
			if len(planner().Plan(snapshot).Clusters[0].Actions) != len(test.want) {
				t.Error("the order of replicas shows")
			}
		})
	}
}

// Of several ready replicas that cannot all go the one with a source stays.
func TestLastReadyKeepsSources(t *testing.T) {
	c := Cluster("prod", Strategy("idle_suspend", `{"idle_after_s": 60}`), Active(time.Hour), Ready("a", "25cc"), Ready("b", "25cc"), Source("s", "b"), func(c *engine.ClusterState) {
		c.RecentActions, c.Counted = engine.DefaultRateActions-2, true
	}, Hydrating("c", "25cc"))
	plan := planner().Plan(Snapshot(c)).Clusters[0]
	if last := plan.Guards[len(plan.Guards)-1]; last.Name != engine.GuardLastReady || last.Text != "b is the last ready replica" {
		t.Errorf("guards: %v", plan.Guards)
	}
}
