package main

import (
	"strings"
	"testing"
)

// The first statement of a session may write, by the role that owns the cluster, long before the catalog shows the session.
func TestFirstWriteOfASession(t *testing.T) {
	w := steered(t, "auto")
	w.mustDirect(t, "SELECT mz_sim.set('lag', '1 hour')")
	out, err := psqlOnce(t, w.addr.String(), "-U", "bob", "-c", `INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_size', '{"target_size": "small"}')`)
	if err != nil || !strings.Contains(out, `created cluster replica "prod"."r_small"`) {
		t.Errorf("bob is told %q (%v)", out, err)
	}
	out, err = psqlOnce(t, w.addr.String(), "-U", "carol", "-c", `INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_size', '{"target_size": "large"}')`)
	if err == nil || !strings.Contains(out, `must be owner of CLUSTER prod`) {
		t.Errorf("carol is told %q (%v)", out, err)
	}
}

// A row that cannot be read is told of, keeps nothing else from being done, and is deleted like any other.
func TestUnreadableRowIsDeleted(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	w.mustDirect(t, `INSERT INTO mz_cluster_strategies VALUES ('u2', 'burst', '{"burst_replica_size": "small"}', '99999-01-01 00:00:00+00')`)
	run := func(sql, says string) {
		t.Helper()
		if out, err := psqlOnce(t, w.addr.String(), "-c", `\set QUIET off`, "-c", sql); err != nil || !strings.Contains(out, says) {
			t.Errorf("%s: %q (%v), want %q", sql, out, err, says)
		}
	}
	run("VALIDATE STRATEGIES", "burst")
	run(`INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_size', '{"target_size": "small"}')`, `created cluster replica "prod"."r_small"`)
	run("PAUSE STRATEGIES FOR CLUSTER prod", "PAUSE")
	run("DELETE FROM mz_cluster_strategies WHERE cluster_id = 'prod' AND strategy_type = 'burst'", "DELETE 1")
	if !w.holds(t, "SELECT count(*) = 0 FROM mz_cluster_strategies WHERE strategy_type = 'burst'") {
		t.Error("the row is still there")
	}
	run("SELECT count(*) FROM mz_cluster_strategies", "2")
}
