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

	"mzproxy/engine"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const timeline = "../../testdata/timelines/friday.txt"

// From Friday to Saturday night, in steps of a quarter of an hour, on the stand-in's clock: dashboards in work hours, a
// batch in the night, and a cluster that maintains what others read. The timeline of the replicas is what the strategies promise.
func TestFriday(t *testing.T) {
	s := newServer(t)
	s.run(t, "SELECT mz_sim.set('startup', '1 minute')")
	s.run(t, "SELECT mz_sim.set('hydration', '20 minutes')")
	defer s.run(t, "SELECT mz_sim.set('startup', '20ms')")
	defer s.run(t, "SELECT mz_sim.set('hydration', '100ms')")
	s.run(t, "SELECT mz_sim.advance(date_trunc('week', now()) + INTERVAL '11 days' - now())")
	r := newRig(t, s, rigOptions{stopped: true, noLease: true})
	s.run(t, "CREATE TABLE sales (n int)")
	ids := map[string]string{}
	for _, name := range []string{"dashboards", "nightly", "always"} {
		ids[name] = s.cluster(t, name)
	}
	s.run(t, "CREATE INDEX sales_idx IN CLUSTER dashboards ON sales (n)")
	s.run(t, "CREATE INDEX sales_idx2 IN CLUSTER nightly ON sales (n)")
	s.run(t, "CREATE MATERIALIZED VIEW total IN CLUSTER always AS SELECT sum(n) FROM sales")
	s.want(t, ids["dashboards"], "target_size", `{"target_size": "100cc"}`, "burst", `{"burst_replica_size": "400cc"}`, "idle_suspend", `{"idle_after_s": 3500}`)
	s.want(t, ids["nightly"], "target_size", `{"target_size": "200cc"}`, "idle_suspend", `{"idle_after_s": 800}`)
	s.want(t, ids["always"], "target_size", `{"target_size": "25cc"}`, "idle_suspend", `{"idle_after_s": 3500}`)

	var lines []string
	before := map[string][]string{}
	for step := range 2 * 24 * 4 {
		at := time.Duration(step) * 15 * time.Minute
		day, hour := []string{"Fri", "Sat"}[at/(24*time.Hour)], at%(24*time.Hour)
		if day == "Fri" && hour >= 9*time.Hour && hour < 17*time.Hour && hour != 12*time.Hour {
			s.run(t, "SELECT mz_sim.activity('dashboards', now())")
		}
		if hour >= 2*time.Hour && hour < 3*time.Hour {
			s.run(t, "SELECT mz_sim.activity('nightly', now())")
		}
		for acted := true; acted; {
			outcomes, err := r.reconciler.Look(t.Context(), engine.Trigger{Kind: "apply"})
			if err != nil {
				t.Fatal(err)
			}
			acted = slices.ContainsFunc(outcomes, func(o engine.Outcome) bool { return len(o.Results) > 0 })
		}
		for _, name := range []string{"always", "dashboards", "nightly"} {
			now := s.replicas(t, ids[name])
			if slices.Equal(now, before[name]) {
				continue
			}
			before[name] = now
			list := strings.Join(now, ", ")
			if list == "" {
				list = "suspended"
			}
			lines = append(lines, fmt.Sprintf("%s %02d:%02d  %-10s  %s", day, hour/time.Hour, hour%time.Hour/time.Minute, name, list))
		}
		s.run(t, "SELECT mz_sim.advance('15 minutes')")
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile(timeline, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(timeline)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("timeline (-want +got):\n%s", diff)
	}
}
