package materialize_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
)

// watching collects what a watch tells.
type watching struct {
	up   chan struct{}
	over chan error
	stop func()

	mu      sync.Mutex
	changes []reconcile.Change
}

func watch(t *testing.T, c *materialize.Client) *watching {
	t.Helper()
	w := &watching{up: make(chan struct{}), over: make(chan error, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	w.stop = cancel
	t.Cleanup(cancel)
	go func() {
		w.over <- c.Watch(ctx, func() { close(w.up) }, func(change reconcile.Change) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.changes = append(w.changes, change)
		})
	}()
	select {
	case <-w.up:
	case err := <-w.over:
		t.Fatal(err)
	case <-time.After(patience):
		t.Fatal("the watch does not begin")
	}
	return w
}

// take returns what was told since the last time.
func (w *watching) take() []reconcile.Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	changes := w.changes
	w.changes = nil
	return changes
}

// awaits waits until a change is told.
func (w *watching) awaits(t *testing.T, want reconcile.Change) {
	t.Helper()
	until(t, "told of the change", func() bool {
		for _, c := range w.take() {
			if c == want {
				return true
			}
		}
		return false
	})
}

func TestWatch(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	id := s.cluster(t, "watched", "r 25cc")
	quiet := s.cluster(t, "quiet", "r 25cc")
	s.want(t, quiet, "target_size", baseline)
	s.eventually(t, []string{"online", "online"}, "SELECT status FROM mz_internal.mz_cluster_replica_statuses s JOIN mz_catalog.mz_cluster_replicas r ON r.id = s.replica_id WHERE r.cluster_id IN ('%s', '%s')", id, quiet)
	w := watch(t, c)
	for _, change := range w.take() {
		if change != (reconcile.Change{}) {
			t.Errorf("what was there before is told: %v", change)
		}
	}
	catalog, stored := reconcile.Change{ClusterID: id}, reconcile.Change{ClusterID: id, Strategies: true}
	steps := []struct {
		statement string
		want      reconcile.Change
	}{
		{"INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('" + id + `', 'burst', '{"a": "\t\n\\"}')`, stored},
		{"UPDATE mz_cluster_strategies SET config = '{}' WHERE strategy_type = 'burst'", stored},
		{"DELETE FROM mz_cluster_strategies WHERE strategy_type = 'burst'", stored},
		{`INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES (E'tab\there\\', 'burst', '{}')`, reconcile.Change{ClusterID: "tab\there\\", Strategies: true}},
		{"CREATE CLUSTER REPLICA watched.s (SIZE '50cc')", catalog},
		{"ALTER CLUSTER watched RENAME TO watched2", catalog},
		{"CREATE TABLE w (n int)", reconcile.Change{}},
		{"CREATE INDEX w_idx IN CLUSTER watched2 ON w (n)", catalog},
		{"SELECT mz_sim.crash('watched2', 'r', 'error')", catalog},
		{"DROP CLUSTER REPLICA watched2.s", catalog},
		{"SELECT mz_sim.advance('1 hour')", reconcile.Change{}},
	}
	for _, step := range steps {
		w.take()
		s.run(t, "%s", step.statement)
		if step.want == (reconcile.Change{}) && step.statement[:6] == "CREATE" {
			continue // concerns no cluster
		}
		w.awaits(t, step.want)
	}
	for _, change := range w.take() {
		if change.ClusterID == quiet {
			t.Errorf("told of a cluster to which nothing happened: %v", change)
		}
	}
	w.stop()
	if err := <-w.over; !errors.Is(err, context.Canceled) {
		t.Errorf("the end of the watch: %v", err)
	}
}

// A watch ends when one of its subscriptions does, and the next one begins when there is a picture again; a table that is gone is made again for it.
func TestWatchBreaks(t *testing.T) {
	s := newServer(t)
	cut := newCutter(t, hostOf(t, s.dsn))
	c := newClient(t, s, materialize.Config{DSN: cut.dsn(s.dsn)})
	for _, breaks := range []func(){cut.cut, func() { s.run(t, "DROP TABLE mz_cluster_strategies") }} {
		w := watch(t, c)
		breaks()
		select {
		case err := <-w.over:
			if err == nil {
				t.Error("it ends without a reason")
			}
		case <-time.After(patience):
			t.Fatal("the watch goes on")
		}
	}
	watch(t, c)
	if rows := s.column(t, "SELECT cluster_id FROM mz_cluster_strategies"); len(rows) > 0 {
		t.Errorf("the table has rows: %q", rows)
	}
}
