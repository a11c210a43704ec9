package materialize_test

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
	"mzproxy/engine/strategy"
)

// A benchmark of the reconciler prints medians: go test -run '^$' -bench Reaction -benchtime 50x ./engine/materialize

// median reports the median of some durations in milliseconds.
func median(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2])/1e6, "ms/median")
	b.ReportMetric(float64(took[len(took)-1])/1e6, "ms/max")
	b.ReportMetric(0, "ns/op")
}

// reaction measures, for every run, how long it takes from do to a row of a query.
func reaction(b *testing.B, s *server, prepare func(n int) (do func(), query string)) {
	b.Helper()
	var took []time.Duration
	for n := range b.N {
		do, query := prepare(n)
		do()
		began := time.Now()
		for len(s.column(b, "%s", query)) == 0 {
			if time.Since(began) > patience {
				b.Fatal("it does not happen")
			}
			time.Sleep(5 * time.Millisecond) // the poll of a condition
		}
		took = append(took, time.Since(began))
	}
	median(b, took)
}

var benched int

// BenchmarkReaction measures how fast the reconciler reacts to what happens around the proxy.
func BenchmarkReaction(b *testing.B) {
	s := newServer(b)
	r := newRig(b, s, rigOptions{client: materialize.Config{Lag: materialize.DefaultLag}})
	until(b, "it leads", r.lease.Leading)
	fresh := func(replicas ...string) (id, name string) {
		benched++
		name = fmt.Sprintf("bench_%d", benched)
		return s.cluster(b, name, replicas...), name
	}
	event := func(id, kind, replica string) string {
		return fmt.Sprintf("SELECT event_type FROM mz_catalog.mz_audit_events WHERE object_type = 'cluster-replica' AND event_type = '%s' AND details->>'cluster_id' = '%s' AND details->>'replica_name' = '%s'", kind, id, replica)
	}
	b.Run("insert_to_create_by_event", func(b *testing.B) {
		reaction(b, s, func(int) (func(), string) {
			id, _ := fresh()
			return func() { s.want(b, id, "target_size", baseline) }, event(id, "create", "r_25cc")
		})
	})
	b.Run("insert_to_create_by_statement", func(b *testing.B) {
		reaction(b, s, func(int) (func(), string) {
			id, _ := fresh()
			return func() {
				since := time.Now()
				s.want(b, id, "target_size", baseline)
				go func() {
					_, _ = r.reconciler.Look(b.Context(), reconcile.Trigger{Kind: "statement", Since: since}, id)
				}()
			}, event(id, "create", "r_25cc")
		})
	})
	b.Run("hydration_to_drop_of_burst", func(b *testing.B) {
		s.run(b, "CREATE TABLE IF NOT EXISTS hydrated (n int)")
		s.run(b, "SELECT mz_sim.set('hydration', '1 day')")
		defer s.run(b, "SELECT mz_sim.set('hydration', '100ms')")
		reaction(b, s, func(int) (func(), string) {
			id, name := fresh()
			s.run(b, "CREATE INDEX %s_idx IN CLUSTER %[1]s ON hydrated (n)", name)
			s.want(b, id, "target_size", baseline, "burst", burst)
			s.eventuallyReplicas(b, id, name+"_burst 50cc", "r_25cc 25cc")
			s.eventually(b, []string{"ok"}, `SELECT 'ok' FROM mz_internal.mz_cluster_replica_statuses s JOIN mz_catalog.mz_cluster_replicas r ON r.id = s.replica_id
				WHERE r.cluster_id = '%s' AND r.name = 'r_25cc' AND s.status = 'online' AND s.updated_at < now() - INTERVAL '1 second'`, id)
			return func() { s.run(b, "SELECT mz_sim.hydrate('%s', 'r_25cc')", name) }, event(id, "drop", name+"_burst")
		})
	})
	b.Run("idle_deadline_to_suspension", func(b *testing.B) {
		var took []time.Duration
		for range b.N {
			id, name := fresh("r 25cc")
			s.run(b, "SELECT mz_sim.activity('%s', now() - INTERVAL '58 seconds')", name)
			s.want(b, id, "idle_suspend", idleMinute)
			s.eventually(b, []string{"drop"}, "%s", event(id, "drop", "r"))
			late := s.value(b, "SELECT (extract(epoch FROM occurred_at - (SELECT max(finished_at) FROM mz_internal.mz_statement_execution_history_redacted WHERE cluster_id = '%[1]s') - INTERVAL '60 seconds') * 1000)::bigint::text"+
				" FROM mz_catalog.mz_audit_events WHERE object_type = 'cluster-replica' AND event_type = 'drop' AND details->>'cluster_id' = '%[1]s'", id)
			d, err := time.ParseDuration(late + "ms")
			if err != nil {
				b.Fatal(err)
			}
			took = append(took, d)
		}
		median(b, took)
	})
}

// BenchmarkResync measures a look at 1,000 clusters with three strategies each, at which nothing has to be done.
func BenchmarkResync(b *testing.B) {
	s := newServer(b)
	const clusters = 1000
	s.run(b, "SELECT mz_sim.set('max_credit_consumption_rate', '1000000')")
	var rows []string
	for i := range clusters {
		name := fmt.Sprintf("resync_%d", i)
		s.run(b, "CREATE CLUSTER %s REPLICAS (r_25cc (SIZE '25cc'))", name)
	}
	client, err := materialize.New(materialize.Config{DSN: s.dsn, Schema: s.schema, Lag: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	if err := client.EnsureTables(b.Context()); err != nil {
		b.Fatal(err)
	}
	for _, id := range s.column(b, "SELECT id FROM mz_catalog.mz_clusters WHERE name LIKE 'resync%%'") {
		for kind, config := range map[string]string{"target_size": baseline, "burst": burst, "idle_suspend": `{"idle_after_s": 1000000}`} {
			rows = append(rows, fmt.Sprintf("('%s', '%s', '%s')", id, kind, config))
		}
	}
	s.run(b, "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES %s", strings.Join(rows, ", "))
	log := logrus.New()
	log.SetOutput(io.Discard)
	reconciler, err := reconcile.New(reconcile.Config{
		Planner: engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}, Observer: client, Executor: client, Recorder: client, Logger: log,
	})
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		began := time.Now()
		outcomes, err := reconciler.Look(b.Context(), reconcile.Trigger{Kind: "resync"})
		if err != nil || len(outcomes) != clusters {
			b.Fatal(len(outcomes), err)
		}
		took = append(took, time.Since(began))
	}
	median(b, took)
}
