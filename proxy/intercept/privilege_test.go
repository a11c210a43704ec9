package intercept_test

import (
	"context"
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
		if catalog.n != 1 {
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
