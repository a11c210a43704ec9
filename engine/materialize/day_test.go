package materialize_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine/reconcile"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// dayClusters are the clusters of a day's life, with their strategies and what happens on them.
var dayClusters = []struct {
	name       string
	strategies []string // pairs
	about      string
	used       func(workday bool, at time.Duration) bool // at a quarter of an hour
}{
	{"always", []string{"target_size", `{"target_size": "25cc"}`, "idle_suspend", `{"idle_after_s": 3500}`},
		"maintains a materialized view, nobody asks it", func(bool, time.Duration) bool { return false }},
	{"dashboards", []string{"target_size", `{"target_size": "100cc"}`, "burst", `{"burst_replica_size": "400cc"}`, "idle_suspend", `{"idle_after_s": 3500}`},
		"has an index, used from 9 to 17 on workdays, not from 12 to 13:15", func(workday bool, at time.Duration) bool {
			return workday && at >= 9*time.Hour && at < 17*time.Hour && (at < 12*time.Hour || at >= 13*time.Hour+15*time.Minute)
		}},
	{"nightly", []string{"target_size", `{"target_size": "200cc"}`, "idle_suspend", `{"idle_after_s": 800}`},
		"has an index, used by a batch from 2 to 3 every night", func(_ bool, at time.Duration) bool { return at >= 2*time.Hour && at < 3*time.Hour }},
}

// A workday from midnight to midnight, and the Saturday after it, on the stand-in's clock, with a look every quarter of an hour: the timeline
// of the replicas is what the strategies promise. A replica takes a minute to come online, and 20 minutes of one worker to hydrate.
func TestDay(t *testing.T) {
	t.Parallel()
	own, err := startSim("", "") // whose clock and knobs are nobody else's
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	s := connect(t, own.DSN())
	s.run(t, "SELECT mz_sim.set('startup', '1 minute')")
	s.run(t, "SELECT mz_sim.set('hydration', '20 minutes')")
	s.run(t, "SELECT mz_sim.set('tick', '20ms')")
	s.run(t, "SELECT mz_sim.set('lag', '0s')")                                                // between two looks passes no time in which the catalog could catch up
	s.run(t, "SELECT mz_sim.advance(date_trunc('week', now()) + INTERVAL '11 days' - now())") // midnight before a Friday
	r := newRig(t, s, rigOptions{stopped: true, noLease: true})
	ids := map[string]string{}
	for _, c := range dayClusters {
		ids[c.name] = s.cluster(t, c.name)
		s.want(t, ids[c.name], c.strategies...)
	}
	s.run(t, "CREATE TABLE sales (n int)")
	s.run(t, "CREATE INDEX sales_idx IN CLUSTER dashboards ON sales (n)")
	s.run(t, "CREATE INDEX sales_idx2 IN CLUSTER nightly ON sales (n)")
	s.run(t, "CREATE MATERIALIZED VIEW total IN CLUSTER always AS SELECT sum(n) FROM sales")
	for _, day := range []string{"workday", "weekend"} {
		checkTimeline(t, "../../testdata/timelines/"+day+".txt", r.day(t, day == "workday", ids))
	}
}

// day lets 24 hours pass and returns the timeline: a line for every hour, and for every change.
func (r *rig) day(t *testing.T, workday bool, ids map[string]string) string {
	t.Helper()
	var b strings.Builder
	for _, c := range dayClusters {
		fmt.Fprintf(&b, "# %s %s\n", c.name, c.about)
		for i := 0; i < len(c.strategies); i += 2 {
			fmt.Fprintf(&b, "#   %s %s\n", c.strategies[i], c.strategies[i+1])
		}
	}
	fmt.Fprintf(&b, "\n       %-12s %-42s %s\n", dayClusters[0].name, dayClusters[1].name, dayClusters[2].name)
	before := ""
	for at := time.Duration(0); at < 24*time.Hour; at += 15 * time.Minute {
		for _, c := range dayClusters {
			if c.used(workday, at) {
				r.run(t, "SELECT mz_sim.activity('%s', now())", c.name)
			}
		}
		r.exhaust(t)
		var cells []any
		for _, c := range dayClusters {
			cell := strings.Join(r.replicas(t, ids[c.name]), ", ")
			if cell == "" {
				cell = "-"
			}
			cells = append(cells, cell)
		}
		line := fmt.Sprintf("%-12s %-42s %s", cells...)
		if line != before || at%time.Hour == 0 {
			fmt.Fprintf(&b, "%02d:%02d  %s\n", at/time.Hour, at%time.Hour/time.Minute, line)
		}
		before = line
		r.run(t, "SELECT mz_sim.advance('15 minutes')")
	}
	return b.String()
}

// exhaust looks until nothing is left to be done.
func (r *rig) exhaust(t *testing.T) {
	t.Helper()
	for acted := true; acted; {
		r.client.Touch()
		outcomes, err := r.reconciler.Look(t.Context(), reconcile.Trigger{Kind: "apply"})
		if err != nil {
			t.Fatal(err)
		}
		acted = slices.ContainsFunc(outcomes, func(o reconcile.Outcome) bool { return len(o.Results) > 0 })
	}
}

func checkTimeline(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}
