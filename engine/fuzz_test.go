package engine_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"mzproxy/engine"
)

// seeds adds the golden snapshots and some random ones.
func seeds(f *testing.F) {
	files, err := filepath.Glob("../testdata/plans/*.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no plans: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for seed := range uint64(20) {
		g := newGenerator(seed)
		s := g.snapshot()
		g.created(s)
		g.guarded(s)
		f.Add(g.text(s))
	}
}

// Whatever is read: no panic; either one line that names the place, or a plan that is JSON, and the same when it
// is made again, with its state fed back where nothing had to be done.
func FuzzParseSnapshot(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := engine.ParseSnapshot(data)
		if err != nil {
			if message := err.Error(); message == "" || strings.ContainsAny(message, "\r\n") {
				t.Fatalf("error %q", message)
			}
			return
		}
		first, err := json.Marshal(planner().Plan(s))
		if err != nil || !json.Valid(first) {
			t.Fatalf("%v: %s", err, first)
		}
		again, err := engine.ParseSnapshot(data)
		if err != nil {
			t.Fatal(err)
		}
		second, _ := json.Marshal(planner().Plan(again))
		if !bytes.Equal(first, second) {
			t.Fatalf("not the same again:\n%s\n%s", first, second)
		}
	})
}

// hugeExponent is in numbers that the oracle, which calculates exactly, cannot hold.
var hugeExponent = regexp.MustCompile(`[0-9]e-?[0-9]{3}`)

// The engine agrees with the oracle on everything that can be used, but for what the oracle does not know: the
// fields that guards look at.
func FuzzOracle(f *testing.F) {
	for seed := range uint64(50) {
		g := newGenerator(seed)
		f.Add(g.text(g.snapshot()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, unknown := range []string{"limits", "observe", "activity_unknown", "created_", "control", "native", "recent_actions", "obligations", "gave_up", "max_duration_s",
			"allow_stop_maintenance", "pause", `\u`, "e+", "E", ":60", "9999", "0000", "\xed"} {
			if bytes.Contains(data, []byte(unknown)) {
				t.Skip()
			}
		}
		if hugeExponent.Match(data) {
			t.Skip()
		}
		if len(data) < 10_000 {
			if text := disagreement(data); text != "" {
				t.Fatal(text)
			}
		}
	})
}

func FuzzParseTimestamp(f *testing.F) {
	for _, seed := range []string{"2025-06-01T12:00:00Z", "2025-06-01t14:00:00.123456789012+02:00", "1990-12-31T23:59:60Z", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00Z"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ts, err := engine.ParseTimestamp(text)
		if err != nil {
			return
		}
		again, err := engine.ParseTimestamp(ts.String())
		if err != nil || again != ts {
			t.Fatalf("%q is %v, which is %v, %v", text, ts, again, err)
		}
	})
}

// A config that Validate lets through is one that a plan accepts.
func FuzzValidate(f *testing.F) {
	for _, config := range []string{`{"target_size": "25cc", "cooldown_s": 1e2}`, `{"idle_after_s": 0.5}`, `{"max_replica_size": "25cc", "min_oom_count": 1.0}`, `{"until": "2025-06-01T12:00:00Z"}`, `null`, `{`} {
		for _, info := range registry().Types() {
			f.Add(info.Name, config)
		}
	}
	f.Fuzz(func(t *testing.T, kind, config string) {
		problems := registry().Validate(kind, []byte(config), options())
		for _, p := range problems {
			if p.Message == "" || p.Offset < 0 || p.Offset > int64(len(config)) {
				t.Fatalf("%+v", p)
			}
		}
		s := engine.Snapshot{EnableExperimental: true, Sizes: options().Sizes, Clusters: []engine.ClusterState{{ID: "u1", Strategies: []engine.StrategyRow{{Type: kind, Config: []byte(config)}}}}}
		plan := engine.Planner{Registry: registry(), SizeAliases: options().SizeAliases}.Plan(s).Clusters[0]
		if len(problems) == 0 && len(plan.Problems) > 0 {
			t.Fatalf("%s %s is let through, and the plan says %v", kind, config, plan.Problems)
		}
	})
}
