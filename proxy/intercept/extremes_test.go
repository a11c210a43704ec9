package intercept_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// Numbers beyond what a float or a duration holds, and long configs, are shown briefly and rightly.
func TestExtremes(t *testing.T) {
	for _, test := range []struct{ cooldown, want string }{
		{"60", "(cooldown 60 s)"},
		{"1e10", "(cooldown without end)"},
		{"1e999", "(cooldown without end)"},
		{"1" + strings.Repeat("0", 400), "(cooldown without end)"},
	} {
		r := newRig(t)
		config := `{"cooldown_s": ` + test.cooldown + `, "target_size": "small"}`
		r.store([]row{{"u2", "target_size", config, nil}})
		r.find("u2").memory.Strategies["target_size"] = json.RawMessage(`{"last_decision_ts": "2025-06-01T11:59:59Z"}`)
		got := ""
		for _, line := range r.run(t.Context(), "EXPLAIN STRATEGY (VERBOSE)", nil).rows {
			got += line[0] + "\n"
		}
		if !strings.Contains(got, test.want) || !strings.Contains(got, "cooling down") {
			t.Errorf("cooldown %.10s: no %q in\n%s", test.cooldown, test.want, got)
		}
		out := r.run(t.Context(), insertTarget, func() string { return r.store(target) })
		for _, n := range out.notices {
			if len(n.Detail) > 400 {
				t.Errorf("a detail of %d characters: %s", len(n.Detail), n.Detail)
			}
		}
	}
}
