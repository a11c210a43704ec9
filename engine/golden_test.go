package engine_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mzproxy/engine"
	"mzproxy/engine/strategy"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func planner() engine.Planner {
	return engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}
}

// planJSON plans a snapshot and renders the plan with indentation.
func planJSON(t testing.TB, snapshot []byte) []byte {
	t.Helper()
	s, err := engine.ParseSnapshot(snapshot)
	if err != nil {
		t.Fatalf("ParseSnapshot: %v", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(planner().Plan(s)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func compact(t testing.TB, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every testdata/plans/NAME.json has its plan in NAME.plan.json, white space
// aside.
func TestGoldenPlans(t *testing.T) {
	files, err := filepath.Glob("../testdata/plans/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no plans: %v", err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, ".plan.json") {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			snapshot, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := planJSON(t, snapshot)
			golden := strings.TrimSuffix(file, ".json") + ".plan.json"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := compact(t, got), compact(t, want); got != want {
				t.Errorf("plan differs\ngot  %s\nwant %s", got, want)
			}
		})
	}
}

// The page beside the plans names every guard and every field that guards look at.
func TestPlansReadme(t *testing.T) {
	page, err := os.ReadFile("../testdata/plans/README.md")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"max_replicas_per_cluster", "max_credit_consumption_rate", "credits_in_use", "observe", "control", "native", "obligations", "recent_actions",
		"activity_unknown", "created_by", "created_at", "max_duration_s", "allow_stop_maintenance", "gave_up", "pinned_sources", "awaits_sources", "withheld_sizes", "no_auto_scaling", "burst_unknown", "burst_by", "failed", "deadline", "restore", "resize_timeout_s", "replicas", "replication_factor", "hydration_burst", "reconfiguring", "crashes_unknown", "restart"}
	for _, guard := range []engine.GuardName{engine.GuardControlCluster, engine.GuardNativeScaling, engine.GuardPause, engine.GuardObligations,
		engine.GuardReconfiguration, engine.GuardHydrationSize, engine.GuardRateLimit, engine.GuardLimits, engine.GuardLastReady, engine.GuardObserve} {
		names = append(names, string(guard))
	}
	for _, name := range names {
		if !bytes.Contains(page, []byte("`"+name+"`")) && !bytes.Contains(page, []byte("."+name+"`")) {
			t.Errorf("README.md does not tell of %s", name)
		}
	}
}
