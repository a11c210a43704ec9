package intercept_test

import (
	"strings"
	"testing"
	"time"

	"mzproxy/engine/reconcile"
)

// An action that keeps failing is told with the server's words, how often, and when it is tried next, wherever one looks.
func TestFailing(t *testing.T) {
	r := newRig(t)
	r.refuses = &reconcile.ServerError{Code: "53000", Message: "no room at the inn"}
	r.run(t.Context(), insert(`'prod', 'target_size', '` + targetSmall + `'`)[0], func() string { return r.store(target) })
	r.now = r.now.Add(5 * time.Second)
	for sql, want := range map[string][]string{
		"EXPLAIN STRATEGY FOR CLUSTER prod":               {"Failing", `create "r_small": no room at the inn (failed 3 times in the last hour, last 5 s ago); tried again at 12:00:0`, "UTC (next try)"},
		"SHOW STRATEGY STATUS VERBOSE":                    {"failing", "create r_small", "2025-06-01 12:00:0", "no room at the inn (failed 3 times in the last hour"},
		"VALIDATE STRATEGIES":                             {"53000", `could not create`, "no room at the inn", "tried again at 12:00:0"},
		"EXPLAIN STRATEGY (FORMAT JSON) FOR CLUSTER prod": {`"error": "no room at the inn"`, `"sqlstate": "53000"`, `"times": 3`},
	} {
		got := r.run(t.Context(), sql, nil)
		text := got.String()
		for _, row := range got.rows {
			text += strings.Join(row, " | ") + "\n"
		}
		for _, part := range want {
			if !strings.Contains(strings.Join(strings.Fields(text), " "), part) {
				t.Errorf("%s does not say %q:\n%s", sql, part, text)
			}
		}
	}
}
