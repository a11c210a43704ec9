package main

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// BenchmarkWrites writes 500 rows of strategies, each with an INSERT of its own in one pipeline: direct, and through the
// proxy, which checks each of them. It should take at most twice as long.
func BenchmarkWrites(b *testing.B) {
	const rows = 500
	w := newWorldWith(b, offlineDemo())
	proxied, err := pgx.Connect(b.Context(), "postgres://"+demoUser+"@"+w.addr.String()+"/"+demoDatabase+"?sslmode=disable")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = proxied.Close(b.Context()) })
	id := ""
	if err := w.direct.QueryRow(b.Context(), "SELECT id FROM mz_clusters WHERE name = 'prod'").Scan(&id); err != nil {
		b.Fatal(err)
	}
	for _, way := range []struct {
		name    string
		conn    *pgx.Conn
		cluster string
	}{{"direct", w.direct, id}, {"proxied", proxied, "prod"}} {
		b.Run(way.name, func(b *testing.B) {
			for b.Loop() {
				inserts := &pgx.Batch{}
				for range rows {
					inserts.Queue(insertRow, way.cluster, "target_size", `{"target_size": "small"}`)
				}
				if err := way.conn.SendBatch(b.Context(), inserts).Close(); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if _, err := w.direct.Exec(b.Context(), "DELETE FROM mz_cluster_strategies"); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
