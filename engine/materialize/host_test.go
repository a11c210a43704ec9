package materialize_test

import (
	"testing"

	"mzproxy/engine/materialize"
)

// Materialize is no standby, and writable: it knows none of the variables by which PostgreSQL tells that.
func TestHost(t *testing.T) {
	s := newServer(t)
	standby, readOnly, err := materialize.Config{DSN: s.dsn}.Host(t.Context(), hostOf(t, s.dsn))
	if err != nil || standby || readOnly {
		t.Errorf("standby %t, read-only %t, %v", standby, readOnly, err)
	}
	for target, finds := range map[string]bool{"any": true, "read-write": true, "primary": true, "prefer-standby": true, "read-only": false, "standby": false} {
		c, err := materialize.New(materialize.Config{DSN: s.dsn + "&target_session_attrs=" + target, Schema: s.schema})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Catalog(t.Context()); (err == nil) != finds {
			t.Errorf("%s: %v", target, err)
		}
	}
}
