package main

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// connect opens a session through the proxy.
func (w *world) connect(t *testing.T, options string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), "postgres://"+demoUser+"@"+w.addr.String()+"/"+demoDatabase+"?sslmode=disable&default_query_exec_mode=simple_protocol&"+options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	return conn
}

// do runs statements that have to succeed.
func do(t *testing.T, conn *pgx.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

const (
	hasReplicas = "SELECT count(*) > 0 FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = "
	hasNone     = "SELECT count(*) = 0 FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = "
)

// A transaction that has used a cluster keeps it from being suspended, whatever the history says, and so does nothing else
// that a session does: to be connected, to ask the catalog.
func TestUseOnTheWire(t *testing.T) {
	w := newWorld(t)
	do(t, w.direct, "SELECT mz_sim.set('statement_logging', 'on')")
	steward := w.connect(t, "")
	do(t, steward, "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('staging', 'target_size', '{\"target_size\": \"small\"}'), ('staging', 'idle_suspend', '{\"idle_after_s\": 600}'),"+
		" ('cluster-123', 'target_size', '{\"target_size\": \"small\"}'), ('cluster-123', 'idle_suspend', '{\"idle_after_s\": 600}')")
	w.until(t, hasReplicas+"'staging'")
	w.until(t, hasReplicas+"'cluster-123'")
	user, idler := w.connect(t, "options=-ccluster%3Dstaging"), w.connect(t, "options=-ccluster%3Dcluster-123")
	do(t, user, "BEGIN", "SELECT * FROM orders")
	do(t, w.direct, "SELECT mz_sim.advance('1 hour')")
	do(t, idler, "SELECT * FROM mz_tables LIMIT 1", "SHOW cluster")
	do(t, steward, "APPLY STRATEGIES")
	w.until(t, hasNone+"'cluster-123'")
	if !w.holds(t, hasReplicas+"'staging'") {
		t.Error("a cluster is suspended while a transaction uses it")
	}
	do(t, user, "COMMIT")
	do(t, w.direct, "SELECT mz_sim.advance('1 hour')")
	do(t, steward, "APPLY STRATEGIES")
	w.until(t, hasNone+"'staging'")
}
