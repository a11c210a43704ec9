package reconcile_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
	"mzproxy/engine/reconcile"
)

// Whatever this machine believes, the server's word about the lease counts: nothing is executed without it.
func TestUnconfirmedLead(t *testing.T) {
	for _, answer := range []error{nil, errors.New("the connection broke")} {
		bubble(t, func(t *testing.T) {
			w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
			var held atomic.Bool
			leader := &enginetest.Leader{ConfirmFunc: func(context.Context) (bool, error) {
				if held.Load() {
					return true, nil
				}
				return false, answer
			}}
			running(t, w.reconciler(t, reconcile.Config{Leader: leader}))
			settle(10 * time.Second)
			equal(t, "replicas", nil, w.names("u_c"))
			held.Store(true)
			settle(10 * time.Second)
			equal(t, "actions", []string{"create r_25cc executed"}, w.actions())
		})
	}
}

// rechecked is a world that shows itself as it was some time ago, and that can be asked how it is.
type rechecked struct {
	*world
	asked []string
	empty bool // it looks as if all clusters were gone
}

func (r *rechecked) Reread(ctx context.Context, ids ...string) (engine.Snapshot, error) {
	r.asked = append(r.asked, "rows")
	return r.Observe(ctx, ids...)
}

func (r *rechecked) Recheck(ctx context.Context, seen engine.Snapshot, whole bool) (engine.Snapshot, error) {
	if r.asked = append(r.asked, "cluster"); whole {
		r.asked[len(r.asked)-1] = "everything"
	}
	return r.now(ctx, seen)
}

func (r *rechecked) Effect(ctx context.Context, seen engine.Snapshot) (engine.Snapshot, error) {
	r.asked = append(r.asked, "replicas")
	return r.now(ctx, seen)
}

func (r *rechecked) now(ctx context.Context, seen engine.Snapshot) (engine.Snapshot, error) {
	if r.empty {
		seen.Clusters = nil
		return seen, nil
	}
	s, err := r.Observe(ctx, seen.Clusters[0].ID)
	seen.Clusters = s.Clusters
	return seen, err
}

func (r *rechecked) reconciler(t *testing.T) *reconcile.Reconciler {
	t.Helper()
	reconciler, err := reconcile.New(reconcile.Config{Planner: planner(), Observer: r, Executor: r, Recorder: r, Logger: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	return reconciler
}

// What is done follows from the strategies as they are now. Little is asked before something is created, and everything before something is dropped; after
// either, what has become of it.
func TestRecheck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := &rechecked{world: newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small), enginetest.Strategy("burst", burst)))}
		look := func(kind string) []string {
			r.asked = nil
			if _, err := r.reconciler(t).Look(t.Context(), reconcile.Trigger{Kind: kind}, "u_c"); err != nil {
				t.Fatal(err)
			}
			return r.asked
		}
		equal(t, "two creates, asked for", []string{"rows", "cluster", "replicas", "cluster", "replicas"}, look("apply"))
		equal(t, "nothing, asked for", []string{"rows"}, look("apply"))
		equal(t, "nothing, by itself", nil, look("event"))
		r.change("u_c", func(c *engine.ClusterState) {
			yes := true
			c.Replica("r_25cc").Online, c.Replica("r_25cc").Hydrated = true, &yes
		})
		equal(t, "a drop, by itself", []string{"rows", "everything", "replicas"}, look("event"))
		equal(t, "actions", []string{"create c_burst executed", "create r_25cc executed", "drop c_burst executed"}, r.actions())
	})
}

// A cluster that is gone at the last look gets no statement, and no row.
func TestGoneAtLastLook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := &rechecked{world: newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small))), empty: true}
		if _, err := r.reconciler(t).Look(t.Context(), reconcile.Trigger{Kind: "apply"}, "u_c"); err != nil {
			t.Fatal(err)
		}
		equal(t, "actions", nil, r.actions())
		equal(t, "replicas", nil, r.names("u_c"))
	})
}

// Two clusters swap their names while the statement is on its way. It is recorded as an action on the one that it met, nobody takes it for one on the cluster it was
// meant for, and both come to what their strategies say.
func TestSwappedUnderStatement(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("blue", enginetest.Strategy("target_size", small)), enginetest.Cluster("green"))
		swapped := false
		w.onExecute = func(engine.Action) error {
			if !swapped {
				swapped = true
				w.mu.Lock()
				defer w.mu.Unlock()
				w.clusters["u_blue"].Name, w.clusters["u_green"].Name = "green", "blue"
			}
			return nil
		}
		r := w.reconciler(t, reconcile.Config{})
		outcomes, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_blue")
		if err != nil || len(outcomes[0].Results) != 1 || outcomes[0].Results[0].Err == nil || !strings.Contains(outcomes[0].Results[0].Err.Error(), "swapped") {
			t.Fatalf("%+v, %v", outcomes, err)
		}
		if len(w.records) != 1 || w.records[0].ClusterID != "u_green" || w.records[0].Executed != nil {
			t.Errorf("the row goes on as the other cluster's: %+v", w.records)
		}
		if created := w.created["u_blue"]; len(created) > 0 {
			t.Errorf("it counts as created: %v", created)
		}
		running(t, r)
		settle(10 * time.Second)
		equal(t, "replicas", []string{"r_25cc"}, w.names("u_blue"))
		equal(t, "actions", []string{"create r_25cc executed", "create r_25cc executed"}, w.actions())
		if by := w.createdBy("u_green"); by["r_25cc"] != "target_size" {
			t.Errorf("whose the replica is: %v", by)
		}
	})
}
