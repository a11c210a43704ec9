package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
	"mzproxy/engine/reconcile"
)

const large = `{"target_size": "400cc"}`

// resized is what the audit says of a resize.
func resized(outcome string) string { return "alter 100cc x 1 -> 400cc x 1 " + outcome }

// A resize is asked for once, awaited, and over when the server says so. Another target meanwhile takes its place.
func TestManagedResize(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Managed("100cc", 1), enginetest.Strategy("target_size", large)))
		running(t, w.reconciler(t, reconcile.Config{}))
		settle(3 * time.Minute)
		equal(t, "asked once", []string{resized("executed")}, w.actions())
		w.change("u_c", func(c *engine.ClusterState) {
			c.Strategies[0].Config = json.RawMessage(`{"target_size": "50cc"}`)
		})
		w.events <- reconcile.Change{ClusterID: "u_c", Strategies: true}
		settle(time.Minute)
		equal(t, "another target", []string{resized("executed"), "alter 400cc x 1 -> 50cc x 1 executed"}, w.actions())
		w.change("u_c", finalize)
		settle(3 * time.Minute)
		equal(t, "over", []string{resized("executed"), "alter 400cc x 1 -> 50cc x 1 executed"}, w.actions())
	})
}

// A reconfiguration that goes on for longer than the row lets it is called off, and not tried again until the row is written anew.
func TestManagedResizeTooLate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Managed("100cc", 1), enginetest.Strategy("target_size", `{"target_size": "400cc", "resize_timeout_s": 600}`)))
		running(t, w.reconciler(t, reconcile.Config{}))
		settle(9 * time.Minute)
		equal(t, "in time", []string{resized("executed")}, w.actions())
		settle(time.Hour)
		equal(t, "called off", []string{resized("executed"), "alter 400cc x 1 -> 100cc x 1 executed"}, w.actions())
		w.change("u_c", func(c *engine.ClusterState) {
			now := engine.At(time.Now().UTC())
			c.Strategies[0].UpdatedAt = &now
		})
		w.events <- reconcile.Change{ClusterID: "u_c", Strategies: true}
		settle(time.Minute)
		equal(t, "the row is new", []string{resized("executed")}, w.actions()[2:])
	})
}

// slow is a world whose server blocks until a resize has come about.
type slow struct {
	*world
	mu   sync.Mutex
	done chan error
	sent int
}

func (s *slow) Execute(_ context.Context, a engine.Action) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent++
	s.done = make(chan error, 1)
	s.change("u_c", func(c *engine.ClusterState) {
		c.Reconfiguring = &engine.Reconfiguration{Size: a.Alter.To.Size, Factor: a.Alter.To.Factor}
	})
	return &reconcile.UnderWay{Done: s.done}
}

// over ends the statement.
func (s *slow) over(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change("u_c", func(c *engine.ClusterState) {
		if err == nil {
			finalize(c)
		}
		c.Reconfiguring = nil
	})
	s.done <- err
}

// A statement that blocks leaves its intention open, and the cluster free to be looked at; its outcome is recorded when it comes.
func TestManagedResizeThatBlocks(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer error
		want   []string
		sent   int
	}{
		{"it comes about", nil, []string{resized("executed")}, 1},
		{"it takes too long: given up", errors.Join(reconcile.ErrTimedOut, &reconcile.ServerError{Code: "57014", Message: "canceling statement, provided timeout lapsed"}), []string{resized("failed")}, 1},
		{"no answer: rolled back, tried again", reconcile.ErrNoAnswer, []string{resized("open")}, 2},
		{"refused: tried again, now and then", &reconcile.ServerError{Code: "XX000", Message: "... is not available"}, []string{resized("failed"), resized("open")}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				s := &slow{world: newWorld(enginetest.Cluster("c", enginetest.Managed("100cc", 1), enginetest.Strategy("target_size", large)),
					enginetest.Cluster("other", enginetest.Strategy("target_size", small)))}
				s.world.change("u_other", func(c *engine.ClusterState) { c.Strategies = nil })
				running(t, s.reconciler(t, reconcile.Config{Executor: s}))
				settle(20 * time.Minute)
				equal(t, "under way", []string{resized("open")}, s.actions())
				s.looks()
				settle(3 * time.Minute)
				if len(s.looks()) == 0 {
					t.Error("no cluster is looked at while a statement blocks")
				}
				s.over(test.answer)
				settle(30 * time.Second)
				equal(t, "over", test.want, s.actions())
				if s.sent != test.sent {
					t.Errorf("sent %d times, not %d", s.sent, test.sent)
				}
				if s.done != nil && test.sent > 1 {
					s.over(nil)
					settle(time.Second)
				}
				if payload := string(s.clusters["u_c"].State["target_size"]); strings.Contains(payload, "gave_up") != errors.Is(test.answer, reconcile.ErrTimedOut) {
					t.Errorf("payload %s", payload)
				}
			})
		})
	}
}

// An intention about a managed cluster is settled by its shape.
func TestManagedSettle(t *testing.T) {
	open := reconcile.ActionRecord{ActionID: "left", ClusterID: "u_c", SQL: `ALTER CLUSTER "c" SET (SIZE = '400cc')`, Context: reconcile.DecisionContext{
		Trigger: "event", Op: string(engine.OpAlter), Strategies: []string{"target_size"},
		Alter: &reconcile.AlterContext{From: reconcile.ShapeContext{Size: "100cc", Factor: 1}, To: reconcile.ShapeContext{Size: "400cc", Factor: 1}, Options: []engine.Option{engine.OptionSize}, By: []string{"target_size"}}}}
	wants := enginetest.Strategy("target_size", large)
	for _, test := range []struct {
		name    string
		cluster engine.ClusterState
		want    []string
	}{
		{"it has the size", enginetest.Cluster("c", enginetest.Managed("400cc", 1), wants), []string{resized("executed")}},
		{"it is on its way to the size", enginetest.Cluster("c", enginetest.Managed("100cc", 1), enginetest.Reconfiguring("400cc", 1, 0), wants), []string{resized("executed")}},
		{"it is not, and the size is wanted", enginetest.Cluster("c", enginetest.Managed("100cc", 1), wants), []string{resized("executed")}},
		{"it is not, and nobody wants it", enginetest.Cluster("c", enginetest.Managed("100cc", 1)), nil},
		{"it is not managed any more", enginetest.Cluster("c", enginetest.Ready("r1", "100cc")), nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(test.cluster)
				left := open
				left.CreatedAt = time.Now().Add(-time.Second)
				w.records = append(w.records, left)
				running(t, w.reconciler(t, reconcile.Config{}))
				settle(5 * time.Minute)
				equal(t, "settled", test.want, w.actions())
			})
		})
	}
}

// Somebody who changes the size by hand again and again is put right, until that is too often; then it is said.
func TestManagedByHand(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Managed("400cc", 1), enginetest.Strategy("target_size", large)))
		r := w.reconciler(t, reconcile.Config{})
		running(t, r)
		for range 28 {
			w.change("u_c", func(c *engine.ClusterState) {
				c.Reconfiguring, c.Replicas = nil, nil
				enginetest.Managed("100cc", 1)(c)
			})
			w.events <- reconcile.Change{ClusterID: "u_c"}
			settle(10 * time.Second)
		}
		if n := len(w.actions()); n != engine.DefaultRateActions {
			t.Errorf("%d statements in five minutes", n)
		}
		_, plan, err := r.Explain(t.Context(), "u_c")
		if err != nil || len(plan.Clusters[0].Guards) == 0 || plan.Clusters[0].Guards[0].Name != engine.GuardRateLimit {
			t.Errorf("%v %v", plan.Clusters[0].Guards, err)
		}
	})
}

// Suspending keeps the factor, waking sets it again; the AUTO SCALING STRATEGY that a strategy had set goes with its row.
func TestManagedMemory(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Managed("100cc", 2), enginetest.Strategy("burst", burst), enginetest.Strategy("idle_suspend", `{"idle_after_s": 60}`)))
		used := func(c *engine.ClusterState) {
			now := engine.At(time.Now().UTC())
			c.LastActivity = &now
		}
		w.change("u_c", used)
		running(t, w.reconciler(t, reconcile.Config{}))
		settle(2 * time.Minute)
		equal(t, "suspended", []string{"alter 100cc x 2 -> 100cc x 2, bursts to 400cc executed", "alter 100cc x 2, bursts to 400cc -> 100cc x 0, bursts to 400cc executed"}, w.actions())
		w.change("u_c", func(c *engine.ClusterState) {
			used(c)
			c.Strategies = c.Strategies[1:]
		})
		w.events <- reconcile.Change{ClusterID: "u_c", Strategies: true}
		settle(10 * time.Second)
		equal(t, "woken", []string{"alter 100cc x 0, bursts to 400cc -> 100cc x 2 executed"}, w.actions()[2:])
	})
}
