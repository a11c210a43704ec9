package intercept_test

import (
	"testing"
	"time"

	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/proxy/intercept"
)

// visitor is a session that says what it uses.
type visitor struct {
	rig
	now  bool
	last time.Time
	proxy.Handler
}

// Use is what the test wants.
func (v *visitor) Use() (now bool, ended time.Time) { return v.now, v.last }

func (v *visitor) moves(cluster string) {
	v.parameters["cluster"] = cluster
	v.Handler.(proxy.ParameterRewriter).RewriteParameter("cluster", cluster)
}

func TestUses(t *testing.T) {
	var uses intercept.Uses
	r := newRig(t, func(r *rig, _ *reconcile.Config, c *intercept.Config) {
		c.Uses, c.Tunables.Ignore = &uses, intercept.Ignored{Users: []string{"robot%"}, Applications: []string{"keepalive"}}
	})
	open := func(cluster, application string) *visitor {
		v := &visitor{rig: rig{parameters: map[string]string{"cluster": cluster, "application_name": application}}}
		v.Handler = r.interceptor.OpenSession(v)
		return v
	}
	check := func(what, cluster string, busy bool, last time.Time) {
		t.Helper()
		if a := uses.Activity()[cluster]; a.Busy != busy || !a.Last.Equal(last) {
			t.Errorf("%s: cluster %s is %+v", what, cluster, a)
		}
	}
	never, early, late := time.Time{}, time.Now().Add(time.Minute), time.Now().Add(2*time.Minute)
	a, b := open("c", "psql"), open("c", "psql")
	check("nothing yet", "c", false, never)
	a.last, b.last = early, late
	check("both", "c", false, late)
	a.now = true
	check("one goes on", "c", true, late)
	a.now = false
	b.moves("d")
	check("moved away", "c", false, late)
	check("moved there", "d", false, late) // it is later than the move
	b.last = never
	a.Close()
	check("gone", "c", false, late)
	b.now = true
	b.moves("e")
	if since := time.Since(uses.Activity()["d"].Last); since < 0 || since > time.Minute {
		t.Errorf("what goes on while a session moves counts as of %v ago", since)
	}

	const text = "SELECT * FROM t"
	judge := func(v *visitor) bool { return v.Handler.(proxy.UseJudge).Uses([]byte(text)) }
	if !judge(b) || judge(open("c", "keepalive")) {
		t.Error("an application is not told from others")
	}
	b.Handler.(proxy.ParameterRewriter).RewriteParameter("application_name", "keepalive")
	if judge(b) {
		t.Error("a session that becomes one to be ignored is use")
	}
}

func TestIgnoredPatterns(t *testing.T) {
	if err := (intercept.Ignored{Users: []string{"a%", `b\`}}).Check(); err == nil {
		t.Error("a pattern that ends in its escape character is taken")
	}
}
