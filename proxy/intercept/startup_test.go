package intercept_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine/reconcile"
	"mzproxy/proxy/intercept"
)

// Our setting is taken out of the startup parameters, and counts; the others are not ours.
func TestStartupParameters(t *testing.T) {
	for _, test := range []struct {
		params, server map[string]string
		shows          string
	}{
		{map[string]string{"user": "u"}, map[string]string{"user": "u"}, "changes"},
		{map[string]string{"strategy.notices": "off"}, map[string]string{}, "off"},
		{map[string]string{"Strategy.Notices": "ALL"}, map[string]string{}, "all"},
		{map[string]string{"options": "-c strategy.notices=off"}, map[string]string{}, "off"},
		{map[string]string{"options": "-cstrategy.notices=off"}, map[string]string{}, "off"},
		{map[string]string{"options": "--strategy.notices=off --cluster=c"}, map[string]string{"options": "--cluster=c"}, "off"},
		{map[string]string{"options": `-c search_path=a\ b  -c strategy.notices=all -c x=y`}, map[string]string{"options": `-c search_path=a\ b -c x=y`}, "all"},
		{map[string]string{"options": "  --cluster=c  "}, map[string]string{"options": "  --cluster=c  "}, "changes"},
		{map[string]string{"options": "-c"}, map[string]string{"options": "-c"}, "changes"},
		{map[string]string{"options": "-c strategy.notices=loud"}, map[string]string{}, "changes"},
		{map[string]string{"options": "-c strategy.notices=off", "strategy.notices": "all"}, map[string]string{}, "off"},
	} {
		r := newRig(t, func(r *rig, _ *reconcile.Config, _ *intercept.Config) { r.startup = test.params })
		if diff := cmp.Diff(test.server, r.interceptor.RewriteStartup(test.params)); diff != "" {
			t.Errorf("%v: the server gets\n%s", test.params, diff)
		}
		if got := r.run(t.Context(), "SHOW strategy.notices", nil); got.rows[0][0] != test.shows {
			t.Errorf("%v: shows %s", test.params, got.rows[0][0])
		}
	}
}

// A text is looked at when it may be ours, or may undo what is ours.
func TestWants(t *testing.T) {
	r := newRig(t)
	wants := func(text string) bool { return r.handler.Wants([]byte(text)) }
	for _, text := range []string{"SELECT 1", "SELECT 1; EXECUTE p", "SELECT 1; DISCARD ALL", "SET cluster = c", "/* ours */ SELECT 1"} {
		if wants(text) {
			t.Errorf("%s is looked at from the start", text)
		}
	}
	for _, text := range []string{"show Strategies", "SET client_min_messages = error", "execute p", " /* ours */ Deallocate p", "prepare p", "DISCARD ALL", "RESET ALL", "set SCHEMA other", "-- x\nSET search_path = x", `INSERT INTO U&"x" VALUES (1)`} {
		if !wants(text) {
			t.Errorf("%s is not looked at", text)
		}
	}
	r.run(t.Context(), "SET strategy.notices = off", nil)
	for _, text := range []string{"SELECT 1; execute p", "SELECT 1; DISCARD ALL", "reset ALL", "SELECT 1; DEALLOCATE p"} {
		if !wants(text) {
			t.Errorf("%s is not looked at once there is something to undo", text)
		}
	}
}
