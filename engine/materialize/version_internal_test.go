package materialize

import (
	"testing"

	"mzproxy/engine"
)

// What depends on the version of the server.
func TestVersion(t *testing.T) {
	for _, test := range []struct {
		text  string
		waits bool
		lacks string
	}{
		{"v26.39.0-dev (30e4b1d241)", false, ""},
		{"v26.35.0 (abc)", false, ""},
		{"v27.0.1", false, ""},
		{"v26.34.2 (abc)", true, "AUTO SCALING STRATEGY needs Materialize v26.35, and this is v26.34"},
		{"v0.130.4 (abc)", true, "AUTO SCALING STRATEGY needs Materialize v26.35, and this is v0.130"},
		{"", true, ""},
		{"development", true, ""},
		{"vx.y.z", true, ""},
	} {
		v := parseVersion(test.text)
		if v.waits() != test.waits || v.noAutoScaling() != test.lacks {
			t.Errorf("%q: waits %t, %q", test.text, v.waits(), v.noAutoScaling())
		}
	}
}

func TestWaitUntilReady(t *testing.T) {
	for _, test := range []struct {
		timeout engine.Number
		want    string
	}{
		{engine.Number{}, "3600s"}, {engine.Whole(90), "90s"}, {engine.Whole(1), "1s"},
	} {
		want := " WITH (WAIT UNTIL READY (TIMEOUT = '" + test.want + "', ON TIMEOUT = 'ROLLBACK'))"
		if got := waitUntilReady(test.timeout); got != want {
			t.Errorf("%s", got)
		}
	}
}
