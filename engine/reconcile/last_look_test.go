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

// rechecked is a world that can be looked at again at less.
type rechecked struct {
	*world
	again int
	empty bool // it looks as if all clusters were gone
}

func (r *rechecked) Recheck(ctx context.Context, seen engine.Snapshot) (engine.Snapshot, error) {
	r.again++
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

// What speaks against creating a replica is read quickly, before and after; before a drop everything is read.
func TestRecheck(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := &rechecked{world: newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small), enginetest.Strategy("burst", burst)))}
		look := func() (again, all int) {
			r.looks()
			r.again = 0
			if _, err := r.reconciler(t).Look(t.Context(), reconcile.Trigger{Kind: "apply"}, "u_c"); err != nil {
				t.Fatal(err)
			}
			return r.again, len(r.looks()) - r.again
		}
		if again, all := look(); again != 4 || all != 1 {
			t.Errorf("two creates: %d quick looks, %d others", again, all)
		}
		r.change("u_c", func(c *engine.ClusterState) {
			yes := true
			c.Replica("r_25cc").Online, c.Replica("r_25cc").Hydrated = true, &yes
		})
		if again, all := look(); again != 1 || all != 2 {
			t.Errorf("a drop: %d quick looks, %d others", again, all)
		}
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
