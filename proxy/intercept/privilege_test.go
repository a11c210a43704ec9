package intercept_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy/intercept"
)

// asked counts what the server is asked about privileges.
type asked struct {
	*server
	n int
}

func (a *asked) MayRead(ctx context.Context, r engine.Role, table string) (bool, error) {
	a.n++
	return a.server.MayRead(ctx, r, table)
}

// That a role may read a table counts for a moment, so that SHOW is cheap. That it may not is asked
// anew each time: it may have just been granted.
func TestPrivilegesAreAskedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var catalog *asked
		r := newRig(t, func(r *rig, _ *reconcile.Config, c *intercept.Config) {
			catalog = &asked{server: r.server}
			c.Catalog = catalog
		})
		show := func(code string) {
			t.Helper()
			got := ""
			if err := r.run(t.Context(), "SHOW STRATEGIES", nil).err; err != nil {
				got = err.Code
			}
			if got != code {
				t.Errorf("SHOW gives %q, not %q", got, code)
			}
		}
		for range 10 {
			show("")
			time.Sleep(400 * time.Millisecond) // of the bubble
		}
		if catalog.n != 3 { // once for each table that the answer rests on
			t.Errorf("asked %d times in 4 seconds", catalog.n)
		}
		r.role = engine.Role{ID: "u8", Name: "stranger"}
		time.Sleep(2 * time.Second)
		show("42501")
		show("42501")
		away(r)
		show("42501") // what the server said last
		r.away = nil
		r.role = engine.Role{ID: "u1", Superuser: true}
		show("")
	})
}

// Who may not write the table learns nothing of what is stored, whatever the WHERE asks for.
func TestPrivilegeIsAskedFirst(t *testing.T) {
	r := newRig(t, func(r *rig, _ *reconcile.Config, _ *intercept.Config) {
		r.rows = []row{{cluster: "u3", kind: "burst", config: `{"burst_replica_size": "large"}`}}
		r.role = engine.Role{ID: "u8", Name: "stranger"}
	})
	for _, sql := range []string{
		"DELETE FROM mz_cluster_strategies WHERE strategy_type = 'burst'", "DELETE FROM mz_cluster_strategies WHERE strategy_type = 'idle_suspend'",
		"UPDATE mz_cluster_strategies SET config = '{}'", "INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{}')",
	} {
		got := r.run(t.Context(), sql, nil)
		if got.err == nil || got.err.Code != "42501" || got.err.Message != "permission denied for table mz_cluster_strategies" || strings.Contains(got.String(), "staging") {
			t.Errorf("%s:\n%s", sql, got)
		}
	}
	for _, sql := range []string{"APPLY STRATEGIES", "RESUME STRATEGIES", "RESET STRATEGY STATE"} {
		if got := r.run(t.Context(), sql, nil); got.err == nil || got.err.Code != "42501" || strings.Contains(got.String(), "staging") {
			t.Errorf("%s:\n%s", sql, got)
		}
	}
	if got := r.run(t.Context(), "PAUSE STRATEGIES FOR CLUSTER prod WITH REASON 'x'", nil); got.err == nil || len(r.rows) != 1 {
		t.Errorf("a row is stored for who may not store any:\n%s", got)
	}
}
