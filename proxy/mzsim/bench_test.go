package mzsim_test

import (
	"context"
	"fmt"
	"testing"

	"mzproxy/proxy/mzsim"
)

func benchExec(b *testing.B, c *client, sql string) {
	b.Helper()
	if _, err := c.Exec(context.Background(), sql).ReadAll(); err != nil {
		b.Fatalf("%s: %v", sql, err)
	}
}

// How long a full read of what a controller looks at takes, with 1,000 clusters of two replicas and an
// index each. Measured on two cores: clusters 8 ms, replicas 8 ms, statuses 20 ms, hydration 130 ms, objects with hydration 160 ms.
func BenchmarkCatalog(b *testing.B) {
	s, err := mzsim.Start(b.Context(), mzsim.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	c, err := server{s.DSN()}.tryDial()
	if err != nil {
		b.Fatal(err)
	}
	benchExec(b, c, "SELECT mz_sim.set('max_clusters', '5000'), mz_sim.set('max_credit_consumption_rate', '100000')")
	benchExec(b, c, "CREATE TABLE t (a int)")
	for i := range 1000 {
		benchExec(b, c, fmt.Sprintf("CREATE CLUSTER c%d REPLICAS (r1 (SIZE '25cc'), r2 (SIZE '100cc'))", i))
		benchExec(b, c, fmt.Sprintf("CREATE INDEX i%d IN CLUSTER c%d ON t (a)", i, i))
	}
	for _, q := range []struct{ name, sql string }{
		{"clusters", "SELECT * FROM mz_clusters"},
		{"replicas", "SELECT * FROM mz_cluster_replicas"},
		{"statuses", "SELECT * FROM mz_internal.mz_cluster_replica_statuses"},
		{"hydration", "SELECT * FROM mz_internal.mz_hydration_statuses"},
		{"objects", "SELECT r.id, count(*), count(*) FILTER (WHERE h.hydrated) FROM mz_cluster_replicas r JOIN mz_indexes i USING (cluster_id) " +
			"LEFT JOIN mz_internal.mz_hydration_statuses h ON h.object_id = i.id AND h.replica_id = r.id GROUP BY r.id"},
		{"show", "SHOW CLUSTER REPLICAS"},
		{"history", "SELECT * FROM mz_internal.mz_cluster_replica_history"},
		{"next-change", "SELECT mz_sim.next_change()"},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				benchExec(b, c, q.sql)
			}
		})
	}
}

// From the start of a statement to the arrival of what it has changed at a subscription of another session.
func BenchmarkSubscribe(b *testing.B) {
	s, err := mzsim.Start(b.Context(), mzsim.Config{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	c, err := server{s.DSN()}.tryDial()
	if err != nil {
		b.Fatal(err)
	}
	reader, err := server{s.DSN()}.tryDial()
	if err != nil {
		b.Fatal(err)
	}
	benchExec(b, c, "CREATE TABLE t (a int)")
	benchExec(b, reader, "BEGIN; DECLARE s CURSOR FOR SUBSCRIBE t")
	for b.Loop() {
		benchExec(b, c, "INSERT INTO t VALUES (1)")
		benchExec(b, reader, "FETCH 2 s")
	}
}
