package intercept_test

import (
	"strings"
	"testing"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy/intercept"
)

// Who may read the strategies, and not when clusters were used, does not learn that from an answer, and is told so.
func TestUseIsNotShown(t *testing.T) {
	for _, role := range []engine.Role{{ID: "u8", Name: "reader"}, {ID: "u1", Name: "root", Superuser: true}} {
		r := newRig(t, func(r *rig, _ *reconcile.Config, _ *intercept.Config) {
			r.rows = []row{{cluster: "u2", kind: "idle_suspend", config: `{"idle_after_s": 60}`}}
			r.role = role
		})
		for _, sql := range []string{"EXPLAIN STRATEGY FOR CLUSTER prod", "SHOW STRATEGIES", "SHOW STRATEGY STATUS VERBOSE", "EXPLAIN STRATEGY (FORMAT JSON) FOR CLUSTER prod"} {
			got := r.run(t.Context(), sql, nil)
			var shown strings.Builder
			for _, row := range got.rows {
				shown.WriteString(strings.Join(row, " | ") + "\n")
			}
			told := strings.Contains(got.String(), "mz_recent_activity_log_redacted")
			if hides := !role.Superuser; got.err != nil || told != hides || hides && strings.Contains(shown.String(), "activity yet") {
				t.Errorf("%s as %s:\n%s%s", sql, role.Name, shown.String(), got)
			}
		}
	}
}
