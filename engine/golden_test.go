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
