package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

// server is a stand-in seen around the proxy.
type server struct {
	*pgx.Conn
	dsn string
}

func newServer(t *testing.T) *server {
	t.Helper()
	sim := standIn(t)
	conn, err := pgx.Connect(t.Context(), dsn(sim))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return &server{conn, dsn(sim)}
}

func (s *server) run(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// column returns the first column of a result, as text.
func (s *server) column(t *testing.T, query string) []string {
	t.Helper()
	rows, err := s.Query(t.Context(), query, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return values
}

// eventually waits until a query's first column is what is wanted.
func (s *server) eventually(t *testing.T, query string, want ...string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		got := s.column(t, query)
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s\ngot %q, want %q", query, got, want)
		}
		time.Sleep(10 * time.Millisecond) // the poll of a condition
	}
}

// awaitLeader waits until a proxy leads.
func (s *server) awaitLeader(t *testing.T) {
	t.Helper()
	s.eventually(t, "SELECT name FROM mz_tables WHERE name = 'mz_cluster_strategy_lease'", "mz_cluster_strategy_lease")
	s.eventually(t, "SELECT 'there' FROM mz_cluster_strategy_lease WHERE holder <> ''", "there")
}

// checkAudit compares our audit rows with the server's own audit events: each
// executed action is in both exactly once, and none is left open.
func (s *server) checkAudit(t *testing.T, cluster string, want ...string) {
	t.Helper()
	id := s.column(t, "SELECT id FROM mz_clusters WHERE name = "+pgtext.QuoteLiteral(cluster))[0]
	s.eventually(t, "SELECT action_sql FROM mz_cluster_strategy_actions WHERE executed IS NULL AND cluster_id = "+pgtext.QuoteLiteral(id))
	ours := s.column(t, "SELECT decision_ctx->>'op' || ' ' || (decision_ctx->>'replica') FROM mz_cluster_strategy_actions WHERE executed AND cluster_id = "+
		pgtext.QuoteLiteral(id)+" ORDER BY 1")
	theirs := s.column(t, "SELECT event_type || ' ' || (details->>'replica_name') FROM mz_audit_events WHERE object_type = 'cluster-replica' AND details->>'cluster_id' = "+
		pgtext.QuoteLiteral(id)+" ORDER BY 1")
	slices.Sort(want)
	if diff := cmp.Diff(want, ours); diff != "" {
		t.Errorf("audit rows (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, theirs); diff != "" {
		t.Errorf("the server's audit events (-want +got):\n%s", diff)
	}
}

// The proxy is killed before every step of every action of a plan; whatever the step, the next proxy finishes the
// work, and every action is done and recorded once.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	var faults []string
	for _, step := range reconcile.Steps {
		// The burst replica is created, then the baseline; when that is ready, the burst replica is dropped.
		for n := 1; n <= 3; n++ {
			faults = append(faults, fmt.Sprintf("%s:%d", step, n))
		}
	}
	for i, fault := range faults {
		t.Run(fault, func(t *testing.T) {
			cluster := fmt.Sprintf("killed_%d", i)
			s.run(t, "CREATE CLUSTER "+cluster+" REPLICAS ()")
			first := serveProcess(t, s.dsn, []string{"MZPROXY_FAULT_STEP=" + fault})
			// psql may see the connection break.
			out, _ := psqlOnce(t, first.addr, "-c", fmt.Sprintf(`INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES
				('%s', 'target_size', '{"target_size": "25cc"}'), ('%[1]s', 'burst', '{"burst_replica_size": "50cc", "cooldown_s": 0}')`, cluster))
			select {
			case <-first.exited:
			case <-time.After(patience):
				t.Fatalf("the proxy lives; psql saw %q", out)
			}
			s.run(t, "UPDATE mz_cluster_strategy_lease SET holder = ''") // spares the time until the lease of the dead runs out
			second := serveProcess(t, s.dsn, nil)
			s.eventually(t, replicasOf(cluster), "r_25cc")
			s.checkAudit(t, cluster, "create killed_"+fmt.Sprint(i)+"_burst", "create r_25cc", "drop killed_"+fmt.Sprint(i)+"_burst")
			s.eventually(t, `SELECT coalesce(payload->'replicas'->>r.id, payload::text) FROM mz_cluster_strategy_state s JOIN mz_cluster_replicas r USING (cluster_id)
				JOIN mz_clusters c ON c.id = s.cluster_id WHERE c.name = '`+cluster+"' AND r.name = 'r_25cc'", "target_size")
			s.run(t, "DELETE FROM mz_cluster_strategies")
			_ = second.cmd.Process.Signal(syscall.SIGTERM) // gives the lease back
			<-second.exited
		})
	}
}

func replicasOf(cluster string) string {
	return "SELECT r.name FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = " + pgtext.QuoteLiteral(cluster) + " ORDER BY 1"
}

// Between the write and the first statement of the proxy, too.
func TestKilledBetweenWriteAndLook(t *testing.T) {
	s := newServer(t)
	s.run(t, "CREATE CLUSTER c REPLICAS ()")
	first := serveProcess(t, s.dsn, nil)
	s.awaitLeader(t)
	_ = first.cmd.Process.Kill()
	<-first.exited
	s.run(t, "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ("+
		pgtext.QuoteLiteral(s.column(t, "SELECT id FROM mz_clusters WHERE name = 'c'")[0])+`, 'target_size', '{"target_size": "25cc"}')`)
	began := time.Now()
	serveProcess(t, s.dsn, nil)
	s.eventually(t, replicasOf("c"), "r_25cc")
	t.Logf("taken over after %s", time.Since(began).Round(100*time.Millisecond))
	s.checkAudit(t, "c", "create r_25cc")
}

// Fifty sessions write strategies for one cluster at once, through two proxies: all are stored, the newest counts, and one replica comes of it.
func TestFiftyWriters(t *testing.T) {
	s := newServer(t)
	s.run(t, "CREATE CLUSTER crowded REPLICAS ()")
	proxies := []*served{serveProcess(t, s.dsn, nil), serveProcess(t, s.dsn, nil)}
	s.awaitLeader(t)
	var writers sync.WaitGroup
	for i := range 50 {
		writers.Go(func() {
			out, err := psqlOnce(t, proxies[i%2].addr, "-c", fmt.Sprintf(`INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config)
				VALUES ('crowded', 'target_size', '{"target_size": "25cc", "replica_name": "r%d"}')`, i))
			if err != nil {
				t.Errorf("writer %d: %v: %s", i, err, out)
			}
		})
	}
	writers.Wait()
	s.eventually(t, "SELECT count(*)::text FROM mz_cluster_strategies", "50")
	s.eventually(t, "SELECT count(*)::text FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'crowded'", "1")
	s.checkAudit(t, "crowded", "create "+s.column(t, replicasOf("crowded"))[0])
	if failed := s.column(t, "SELECT error_message FROM mz_cluster_strategy_actions WHERE NOT executed"); len(failed) > 0 {
		t.Errorf("failures: %q", failed)
	}
}

// When the leader is killed, another proxy takes its place by itself.
func TestTakeover(t *testing.T) {
	s := newServer(t)
	s.run(t, "CREATE CLUSTER c REPLICAS ()")
	first := serveProcess(t, s.dsn, nil)
	s.awaitLeader(t)
	second := serveProcess(t, s.dsn, nil)
	_ = first.cmd.Process.Kill()
	<-first.exited
	began := time.Now()
	if out, err := psqlOnce(t, second.addr, "-c", `INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('c', 'target_size', '{"target_size": "25cc"}')`); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.eventually(t, replicasOf("c"), "r_25cc")
	t.Logf("taken over after %s", time.Since(began).Round(100*time.Millisecond))
	s.checkAudit(t, "c", "create r_25cc")
}
