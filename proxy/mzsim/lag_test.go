package mzsim_test

import (
	"fmt"
	"testing"
	"time"

	"mzproxy/proxy/mzsim"
)

// With a lag the catalog shows what a moment ago was so, but for what statements on the catalog themselves have changed. The clock
// stands for the time that passes.
func TestLag(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, emptyC)
	c.must(t, "CREATE INDEX i IN CLUSTER c ON t (a)")
	c.must(t, "SELECT mz_sim.set('startup', '10 s'), mz_sim.set('hydration', '20 s'), mz_sim.set('lag', '5 min')")
	c.must(t, "CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')")
	const life = `SELECT coalesce(s.status, '-') || ' ' || coalesce(h.hydrated::text, '-') || ' ' || coalesce(u.cpu_percent::text, '-') FROM mz_cluster_replicas r
		LEFT JOIN mz_internal.mz_cluster_replica_statuses s ON s.replica_id = r.id
		LEFT JOIN mz_internal.mz_hydration_statuses h ON h.replica_id = r.id AND h.object_id LIKE 'u%'
		LEFT JOIN mz_internal.mz_cluster_replica_utilization u ON u.replica_id = r.id WHERE r.name = 'r1' AND r.cluster_id <> 'u1' AND r.cluster_id LIKE 'u%'`
	for _, tt := range []struct{ do, want string }{
		{"SELECT 1", "- - -"},
		{"SELECT mz_sim.advance('1 min')", "- - -"}, // it is hydrated by now
		{"SELECT a FROM t", "- - -"},
		{"SELECT mz_sim.advance('4 min 5 s')", "offline - -"},
		{"SELECT mz_sim.advance('10 s')", "online false 90"},
		{"SELECT mz_sim.advance('20 s')", "online true 5"},
		{"SELECT mz_sim.crash('c', 'r1', 'oom-killed')", "online true 5"},
		{"SELECT mz_sim.advance('5 min 1 s')", "offline - -"},
	} {
		c.must(t, tt.do)
		if got := c.must(t, life); got != tt.want {
			t.Errorf("after %s: %s, want %s", tt.do, got, tt.want)
		}
	}
}

// Others see a session late; the session itself sees itself.
func TestLagOfSessions(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('lag', '1 hour')")
	young := dial(t)
	const session = "SELECT count(*) FROM mz_internal.mz_sessions WHERE connection_id = "
	if got := c.must(t, session+fmt.Sprint(young.PID())); got != "0" {
		t.Errorf("another session sees it at once: %s", got)
	}
	if got := young.must(t, session+"pg_backend_pid()"); got != "1" {
		t.Errorf("it does not see itself: %s", got)
	}
	c.must(t, "SELECT mz_sim.advance('1 hour')")
	if got := c.must(t, session+fmt.Sprint(young.PID())); got != "1" {
		t.Errorf("never seen: %s", got)
	}
}

// The history shows the beginning of a statement late, and its end as late.
func TestLagOfHistory(t *testing.T) {
	c := fresh(t)
	c.must(t, "SELECT mz_sim.set('lag', '1 hour')")
	logged := "SELECT count(*) FROM mz_internal.mz_recent_activity_log WHERE sql = 'SELECT 4711' AND began_at > '" + c.must(t, "SELECT now()") + "'"
	c.must(t, "SELECT 4711")
	if got := c.must(t, logged); got != "0" {
		t.Errorf("logged at once: %s", got)
	}
	c.must(t, "SELECT mz_sim.advance('1 hour')")
	c.eventually(t, logged+" AND finished_status = 'success'", "1")
}

// A SUBSCRIBE shows what the lag kept back, though nobody writes anything then.
func TestSubscribeFollowsLag(t *testing.T) {
	s := start(t, mzsim.Config{Startup: time.Millisecond, Hydration: time.Millisecond, Lag: 300 * time.Millisecond})
	c := server{s.DSN()}.dial(t)
	c.must(t, "CREATE CLUSTER c REPLICAS (x (SIZE '25cc'))")
	status := server{s.DSN()}.subscribe(t, "(SELECT s.status, s.reason FROM mz_internal.mz_cluster_replica_statuses s JOIN mz_cluster_replicas r ON r.id = s.replica_id WHERE r.name = 'x')")
	for row := status.next(t); row[1] != "1" || row[2] != "online"; row = status.next(t) { //nolint:revive // until it is shown
	}
}
