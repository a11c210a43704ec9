package main

import (
	"flag"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// resizes is how often a managed cluster is resized beside queries; resizeGap is how long none of them may be answered, where that is measured.
var (
	resizes   = flag.Int("resizes", 4, "how often a managed cluster is resized beside queries")
	resizeGap = flag.Duration("resize-gap", 0, "how long no query may be answered meanwhile; 0: it is not measured")
)

// While a managed cluster gets another size again and again, ten clients go on querying it, and see no error. In both ways that servers have.
func TestManagedResizesUnseen(t *testing.T) {
	for _, version := range []string{"", "v26.34.0"} {
		t.Run("version "+version, func(t *testing.T) {
			c := fastDemo
			c.version = version
			w := newWorldWith(t, c)
			for _, sql := range []string{"SELECT mz_sim.set('enable_zero_downtime_cluster_reconfiguration', 'on')", "SELECT mz_sim.set('hydration', '50 ms')",
				"CREATE CLUSTER m (SIZE = 'small')", "CREATE TABLE q (a int)", "CREATE INDEX qi IN CLUSTER m ON q (a)"} {
				if _, err := w.direct.Exec(t.Context(), sql); err != nil {
					t.Fatal(err)
				}
			}
			w.until(t, "SELECT count(*) = 1 FROM mz_internal.mz_hydration_statuses h JOIN mz_indexes i ON i.id = h.object_id WHERE i.name = 'qi' AND h.hydrated")
			var over atomic.Bool
			var clients sync.WaitGroup
			longest := make([]time.Duration, 10)
			for i := range longest {
				clients.Go(func() { longest[i] = w.queryUntil(t, &over) })
			}
			w.resizeRepeatedly(t)
			over.Store(true)
			clients.Wait()
			for _, gap := range longest {
				if *resizeGap > 0 && gap > *resizeGap {
					t.Errorf("no answer for %s", gap)
				}
			}
		})
	}
}

// resizeRepeatedly gives the cluster one size after the other.
func (w *world) resizeRepeatedly(t *testing.T) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), "postgres://"+demoUser+"@"+w.addr.String()+"/"+demoDatabase+"?sslmode=disable&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for i := range *resizes {
		size := []string{"medium", "small"}[i%2]
		sql := fmt.Sprintf(`INSERT INTO mz_cluster_strategies VALUES ('m', 'target_size', '{"target_size": "%s"}')`, size)
		if i > 0 {
			sql = fmt.Sprintf(`UPDATE mz_cluster_strategies SET config = '{"target_size": "%s"}' WHERE cluster_id = 'm'`, size)
		}
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Error(err)
			return
		}
		w.until(t, "SELECT size = '"+size+"' FROM mz_clusters WHERE name = 'm'")
		if i%8 == 7 { // more would be too often
			if _, err := w.direct.Exec(t.Context(), "SELECT mz_sim.advance('10 minutes')"); err != nil {
				t.Error(err)
			}
		}
	}
}

// queryUntil queries the cluster through the proxy until that is over, and returns the longest time without an answer.
func (w *world) queryUntil(t *testing.T, over *atomic.Bool) (longest time.Duration) {
	conn, err := pgx.Connect(t.Context(), "postgres://"+demoUser+"@"+w.addr.String()+"/"+demoDatabase+"?sslmode=disable&default_query_exec_mode=simple_protocol&cluster=m")
	if err != nil {
		t.Error(err)
		return 0
	}
	defer func() { _ = conn.Close(t.Context()) }()
	for last := time.Now(); !over.Load(); last = time.Now() {
		var n int
		if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM q").Scan(&n); err != nil {
			t.Errorf("beside a resize: %v", err)
			return longest
		}
		longest = max(longest, time.Since(last))
	}
	return longest
}
