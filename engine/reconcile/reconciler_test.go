package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
	"mzproxy/engine/reconcile"
)

func equal(t *testing.T, what string, want, got []string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestBaselineAndBurst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small), enginetest.Strategy("burst", burst)))
		running(t, w.reconciler(t, reconcile.Config{}))
		settle(time.Second)
		equal(t, "actions", []string{"create c_burst executed", "create r_25cc executed"}, w.actions())
		w.change("u_c", func(c *engine.ClusterState) {
			yes := true
			c.Replica("r_25cc").Online, c.Replica("r_25cc").Hydrated = true, &yes
		})
		w.events <- reconcile.Change{ClusterID: "u_c"}
		settle(100 * time.Millisecond)
		equal(t, "replicas", []string{"r_25cc"}, w.names("u_c"))
		settle(time.Hour)
		equal(t, "actions", []string{"create c_burst executed", "create r_25cc executed", "drop c_burst executed"}, w.actions())
	})
}

// A hundred events about a cluster are one look at it, and none at the others.
func TestBurstOfEventsIsOneLook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("a", enginetest.Ready("r_25cc", "25cc"), enginetest.Strategy("target_size", small)),
			enginetest.Cluster("b", enginetest.Ready("r_25cc", "25cc"), enginetest.Strategy("target_size", small)))
		running(t, w.reconciler(t, reconcile.Config{Resync: time.Hour}))
		settle(time.Second)
		w.looks()
		for range 100 {
			w.events <- reconcile.Change{ClusterID: "u_a"}
		}
		settle(time.Second)
		if looks := w.looks(); len(looks) != 1 || !slices.Equal(looks[0].ids, []string{"u_a"}) {
			t.Errorf("looks: %+v", looks)
		}
	})
}

// Events about clusters that have nothing to do with strategies are no reason to look, from the second on.
func TestForeignClusters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("a", enginetest.Ready("r", "25cc")))
		running(t, w.reconciler(t, reconcile.Config{Resync: time.Hour}))
		settle(time.Second)
		w.looks()
		for range 10 {
			w.events <- reconcile.Change{ClusterID: "u_a"}
			settle(time.Second)
		}
		if n := len(w.looks()); n != 1 {
			t.Errorf("%d looks", n)
		}
		w.change("u_a", enginetest.Strategy("target_size", `{"target_size": "50cc"}`))
		w.events <- reconcile.Change{ClusterID: "u_a", Strategies: true}
		settle(time.Second)
		equal(t, "replicas", []string{"r", "r_50cc"}, w.names("u_a"))
	})
}

// A statement that takes half a minute is one action, and keeps no other cluster waiting.
func TestSlowStatement(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("slow", enginetest.Strategy("target_size", small)), enginetest.Cluster("quick"))
		w.onExecute = func(a engine.Action) error {
			if a.SQL[len("CREATE CLUSTER REPLICA "):][:6] == `"slow"` {
				time.Sleep(30 * time.Second)
			}
			return nil
		}
		r := w.reconciler(t, reconcile.Config{Resync: time.Second})
		running(t, r)
		settle(5 * time.Second)
		equal(t, "actions", []string{"create r_25cc open"}, w.actions())
		w.change("u_quick", enginetest.Strategy("target_size", small))
		began := time.Now()
		outcomes, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_quick")
		if err != nil || len(outcomes[0].Results) != 1 || time.Since(began) > time.Second {
			t.Errorf("after %s: %+v, %v", time.Since(began), outcomes, err)
		}
		// Who asks about the slow one waits, and hears of the action that was under way when he asked.
		outcomes, err = r.Look(t.Context(), reconcile.Trigger{Kind: "statement", Since: began}, "u_slow")
		if err != nil || len(outcomes[0].Results) != 1 || time.Since(began) < 20*time.Second {
			t.Errorf("after %s: %+v, %v", time.Since(began), outcomes, err)
		}
		settle(time.Minute)
		equal(t, "actions", []string{"create r_25cc executed", "create r_25cc executed"}, w.actions())
	})
}

// Looks at all clusters that take longer than the time between two do not overlap.
func TestOverrun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("a", enginetest.Ready("r_25cc", "25cc"), enginetest.Strategy("target_size", small)))
		var mu sync.Mutex
		now, most := 0, 0
		w.onObserve = func([]string) error {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(10 * time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		}
		running(t, w.reconciler(t, reconcile.Config{Resync: time.Second}))
		settle(time.Minute)
		if n := len(w.looks()); n < 5 || n > 7 || most != 1 {
			t.Errorf("%d looks in a minute, %d at once", n, most)
		}
		w.mu.Lock()
		w.onObserve = nil
		w.mu.Unlock()
	})
}

// Those who want to look at a cluster that is being looked at share the next look.
func TestSharedLook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
		w.onObserve = func([]string) error { time.Sleep(time.Second); return nil }
		r := w.reconciler(t, reconcile.Config{})
		var all sync.WaitGroup
		since := time.Now().Add(-time.Second)
		told := make([]int, 50)
		for i := range told {
			all.Go(func() {
				outcomes, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement", Since: since}, "u_c")
				if err != nil {
					t.Error(err)
					return
				}
				told[i] = len(outcomes[0].Results)
			})
		}
		all.Wait()
		if n := len(w.looks()); n > 4 {
			t.Errorf("%d observations", n)
		}
		for i, n := range told {
			if n != 1 {
				t.Errorf("%d heard of %d actions", i, n)
			}
		}
		equal(t, "actions", []string{"create r_25cc executed"}, w.actions())
	})
}

// torn is a world whose observation of all clusters takes a second, and shows the replicas as they are at its end, but
// what is stored as it was at its beginning.
type torn struct{ *world }

func (w torn) Observe(ctx context.Context, ids ...string) (engine.Snapshot, error) {
	before, err := w.world.Observe(ctx, ids...)
	if len(ids) > 0 || err != nil {
		return before, err
	}
	time.Sleep(time.Second)
	s, err := w.world.Observe(ctx, ids...)
	for i := range s.Clusters {
		s.Clusters[i].State, s.Clusters[i].CreatedBy = before.Clusters[i].State, before.Clusters[i].CreatedBy
	}
	return s, err
}

// What was observed while another look acted does not make anybody forget whose the replicas are.
func TestObservedBesideALook(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small), enginetest.Strategy("burst", burst)))
		r := w.reconciler(t, reconcile.Config{Observer: torn{w}})
		running(t, r)
		settle(500 * time.Millisecond) // all are being observed
		if _, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_c"); err != nil {
			t.Fatal(err)
		}
		w.change("u_c", func(c *engine.ClusterState) {
			yes := true
			c.Replica("r_25cc").Online, c.Replica("r_25cc").Hydrated = true, &yes
		})
		settle(time.Second)
		equal(t, "replicas", []string{"r_25cc"}, w.names("u_c"))
		if got := w.createdBy("u_c"); !cmp.Equal(got, map[string]string{"r_25cc": "target_size"}) {
			t.Errorf("created by %v", got)
		}
	})
}

// Who leads a shared look and goes does not take the others with him.
func TestSharedLookAbandoned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
		w.onObserve = func([]string) error { time.Sleep(time.Second); return nil }
		r := w.reconciler(t, reconcile.Config{})
		impatient, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for _, ctx := range []context.Context{impatient, impatient, t.Context()} {
			all.Go(func() {
				_, err := r.Look(ctx, reconcile.Trigger{Kind: "statement"}, "u_c")
				if (err == nil) == (ctx == impatient) {
					t.Errorf("%v", err)
				}
			})
		}
		settle(500 * time.Millisecond)
		cancel()
		all.Wait()
		equal(t, "actions", []string{"create r_25cc executed"}, w.actions())
	})
}

// Idle, cooldown and pause have timers of their own.
func TestDeadlines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		start := engine.At(time.Now().UTC())
		idle := enginetest.Cluster("idle", enginetest.Ready("r", "25cc"), enginetest.Strategy("idle_suspend", `{"idle_after_s": 600}`))
		idle.LastActivity = &start
		paused := enginetest.Cluster("paused", enginetest.Strategy("target_size", small),
			enginetest.Strategy("pause", `{"until": "`+engine.At(time.Now().UTC().Add(20*time.Minute)).String()+`"}`))
		w := newWorld(idle, paused)
		running(t, w.reconciler(t, reconcile.Config{Resync: 24 * time.Hour}))
		settle(10*time.Minute - time.Second)
		equal(t, "before the deadline", []string{"r"}, w.names("u_idle"))
		settle(time.Second + 50*time.Millisecond)
		equal(t, "after the deadline", nil, w.names("u_idle"))
		settle(10*time.Minute - 2*time.Second)
		equal(t, "before the end of the pause", nil, w.names("u_paused"))
		settle(3 * time.Second)
		equal(t, "after the end of the pause", []string{"r_25cc"}, w.names("u_paused"))
	})
}

// A plan whose cluster has changed since is made anew.
func TestStalePlan(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*engine.ClusterState)
		want   []string
	}{
		"replica created by hand":  {enginetest.Ready("r_25cc", "25cc"), []string{"r_25cc"}},
		"name taken":               {enginetest.Hydrating("r_25cc", "400cc"), []string{"r_25cc", "r_25cc_25cc"}},
		"cluster managed":          {func(c *engine.ClusterState) { c.Managed = true }, nil},
		"strategies deleted":       {func(c *engine.ClusterState) { c.Strategies = nil }, nil},
		"cluster renamed":          {func(c *engine.ClusterState) { c.Name = "other" }, []string{"r_25cc"}},
		"another size wanted":      {func(c *engine.ClusterState) { c.Strategies[0].Config = []byte(`{"target_size": "50cc"}`) }, []string{"r_50cc"}},
		"it changes and that's it": {func(c *engine.ClusterState) { c.Obligations.Sinks++ }, []string{"r_25cc"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
				changed := false
				r := w.reconciler(t, reconcile.Config{Step: func(step string) {
					if step == "look" && !changed {
						changed = true
						w.change("u_c", test.change)
					}
				}})
				if _, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_c"); err != nil {
					t.Fatal(err)
				}
				equal(t, "replicas", test.want, w.names("u_c"))
			})
		})
	}
}

// A cluster that changes between two actions of a plan is looked at again: the second drop does not come.
func TestChangedBetweenActions(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*engine.ClusterState)
		want   []string
	}{
		"nothing": {func(*engine.ClusterState) {}, nil},
		"used again": {func(c *engine.ClusterState) {
			now := engine.At(time.Now().UTC())
			c.LastActivity = &now
		}, []string{"b"}},
		"replica created by hand": {enginetest.Ready("c", "50cc"), []string{"b", "c"}},
		"replica gone by hand":    {func(c *engine.ClusterState) { c.Replicas = nil }, nil},
		"strategy gone":           {func(c *engine.ClusterState) { c.Strategies = nil }, []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				c := enginetest.Cluster("c", enginetest.Ready("a", "50cc"), enginetest.Ready("b", "50cc"), enginetest.Strategy("idle_suspend", `{"idle_after_s": 1, "cooldown_s": 100}`))
				hourAgo := engine.At(time.Now().UTC().Add(-time.Hour))
				c.LastActivity = &hourAgo
				w := newWorld(c)
				r := w.reconciler(t, reconcile.Config{Step: func(step string) {
					if step == "done" && len(w.names("u_c")) == 1 {
						w.change("u_c", test.change)
					}
				}})
				if _, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_c"); err != nil {
					t.Fatal(err)
				}
				equal(t, "replicas", test.want, w.names("u_c"))
			})
		})
	}
}

// A statement that is refused is tried again, later and later, and not more than ten times in five minutes.
func TestBackoff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
		var tries []time.Time
		w.onExecute = func(engine.Action) error {
			tries = append(tries, time.Now())
			return errors.New("no room at the inn")
		}
		running(t, w.reconciler(t, reconcile.Config{Resync: time.Second}))
		settle(time.Hour)
		for i := 1; i < len(tries); i++ {
			gap := tries[i].Sub(tries[i-1])
			longest := min(time.Second<<(i-1), 5*time.Minute)
			if gap < longest/2 || i < 9 && gap > longest+2*time.Second {
				t.Errorf("try %d came after %s", i+1, gap)
			}
		}
		if n := len(tries); n < 15 || n > 40 {
			t.Errorf("%d tries in an hour", n)
		}
		if rows := w.actions(); len(rows) != len(tries) || rows[0] != "create r_25cc failed" {
			t.Errorf("%d rows for %d tries", len(rows), len(tries))
		}
		w.mu.Lock()
		w.onExecute = nil
		w.mu.Unlock()
		settle(10 * time.Minute)
		equal(t, "replicas", []string{"r_25cc"}, w.names("u_c"))
	})
}

// Whatever flaps, a cluster takes no more than ten actions in five minutes.
func TestRateLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
		r := w.reconciler(t, reconcile.Config{})
		for range 30 {
			if _, err := r.Look(t.Context(), reconcile.Trigger{Kind: "apply"}, "u_c"); err != nil {
				t.Fatal(err)
			}
			w.change("u_c", func(c *engine.ClusterState) { c.Replicas = nil }) // by hand, again and again
			time.Sleep(time.Second)
		}
		if n := len(w.actions()); n != 10 {
			t.Errorf("%d actions", n)
		}
	})
}

// A plan of more than ten actions takes ten, says in words that the rest waits, and goes on when the time has come.
func TestLongPlan(t *testing.T) {
	bubble(t, func(t *testing.T) {
		parts := []enginetest.Part{enginetest.Ready("r_25cc", "25cc"), enginetest.Strategy("target_size", small)}
		for i := range 12 {
			parts = append(parts, enginetest.Ready(fmt.Sprintf("surplus_%02d", i), "50cc"))
		}
		w := newWorld(enginetest.Cluster("c", parts...))
		r := w.reconciler(t, reconcile.Config{Resync: time.Hour})
		said := func() (actions int, text string) {
			_, plan, err := r.Explain(t.Context(), "u_c")
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range plan.Clusters[0].Guards {
				text += string(g.Name) + ": " + g.Text
			}
			return len(plan.Clusters[0].Actions), text
		}
		if n, text := said(); n != 10 || text != "rate_limit: 0 actions in the last 5 minutes (limit 10); 2 of 12 wait" {
			t.Errorf("before: %d actions, %q", n, text)
		}
		running(t, r)
		settle(time.Minute)
		if n := len(w.actions()); n != 10 {
			t.Errorf("%d actions at once", n)
		}
		if n, text := said(); n != 0 || text != "rate_limit: 10 actions in the last 5 minutes (limit 10); 2 of 2 wait" {
			t.Errorf("meanwhile: %d actions, %q", n, text)
		}
		settle(6 * time.Minute)
		equal(t, "replicas", []string{"r_25cc"}, w.names("u_c"))
	})
}

// A shutdown lets the action under way come to its end and be recorded, and the lease goes last.
func TestShutdown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small), enginetest.Strategy("burst", burst)))
		w.onExecute = func(engine.Action) error { time.Sleep(5 * time.Second); return nil }
		var released time.Time
		leader := &enginetest.Leader{RunFunc: func(ctx context.Context, elected func()) {
			elected()
			<-ctx.Done()
			released = time.Now()
		}}
		stop := running(t, w.reconciler(t, reconcile.Config{Leader: leader}))
		settle(time.Second)
		began := time.Now()
		stop()
		if took := time.Since(began); took != 4*time.Second || released.Sub(began) != took {
			t.Errorf("the end took %s, the lease was given back after %s", took, released.Sub(began))
		}
		equal(t, "actions", []string{"create c_burst executed"}, w.actions())
	})
}

// A watcher that fails is started again, with backoff. Nothing takes its place meanwhile; once it works, all clusters are looked at.
func TestWatcherDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Ready("r_25cc", "25cc"), enginetest.Strategy("target_size", small)))
		var mu sync.Mutex
		var starts []time.Time
		var works atomic.Bool
		w.watching = func(ctx context.Context, up func(), _ func(reconcile.Change)) error {
			mu.Lock()
			starts = append(starts, time.Now())
			mu.Unlock()
			if !works.Load() {
				return errors.New("down")
			}
			up()
			<-ctx.Done()
			return ctx.Err()
		}
		running(t, w.reconciler(t, reconcile.Config{Resync: time.Hour}))
		settle(time.Minute)
		if n := len(w.looks()); n != 1 {
			t.Errorf("%d looks in a minute", n)
		}
		mu.Lock()
		if n := len(starts); n < 10 || n > 13 || starts[1].Sub(starts[0]) != 100*time.Millisecond || starts[n-1].Sub(starts[n-2]) != 10*time.Second {
			t.Errorf("started %d times: %v", n, starts)
		}
		mu.Unlock()
		works.Store(true)
		settle(time.Minute)
		if n := len(w.looks()); n != 1 {
			t.Errorf("%d looks when the watcher works again", n)
		}
		settle(10 * time.Minute)
		if n := len(w.looks()); n != 0 {
			t.Errorf("%d looks while the watcher works", n)
		}
	})
}

// A world that cannot be read leads to nothing but another look.
func TestUnreadable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
		var broken atomic.Bool
		broken.Store(true)
		w.onObserve = func([]string) error {
			if broken.Load() {
				return errors.New("cannot be read")
			}
			return nil
		}
		r := w.reconciler(t, reconcile.Config{Resync: time.Hour})
		running(t, r)
		settle(time.Minute)
		if _, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_c"); err == nil {
			t.Error("a look without an error")
		}
		equal(t, "actions", nil, w.actions())
		broken.Store(false)
		settle(2 * time.Second)
		equal(t, "actions", []string{"create r_25cc executed"}, w.actions())
	})
}

// Who only observes plans, and does nothing.
func TestObserveMode(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
		r := w.reconciler(t, reconcile.Config{Observe: true})
		running(t, r)
		settle(time.Hour)
		outcomes, err := r.Look(t.Context(), reconcile.Trigger{Kind: "apply"}, "u_c")
		if err != nil || !outcomes[0].Observe || len(outcomes[0].Plan.Actions) != 1 || len(outcomes[0].Results) != 0 {
			t.Errorf("%+v, %v", outcomes, err)
		}
		equal(t, "actions", nil, w.actions())
	})
}

// Who does not lead does nothing; who comes to lead looks at once.
func TestElection(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
		var leads atomic.Bool
		leader := &enginetest.Leader{
			RunFunc: func(ctx context.Context, elected func()) {
				time.Sleep(time.Hour)
				leads.Store(true)
				elected()
				<-ctx.Done()
			},
			LeadingFunc: leads.Load,
		}
		running(t, w.reconciler(t, reconcile.Config{Leader: leader}))
		settle(time.Hour - time.Second)
		equal(t, "actions", nil, w.actions())
		settle(2 * time.Second)
		equal(t, "actions", []string{"create r_25cc executed"}, w.actions())
	})
}

// The lease may run out while the intention is written: the statement does not come.
func TestFenced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
		leads := true
		leader := &enginetest.Leader{LeadingFunc: func() bool { return leads }}
		w.onRecord = func(what string) error {
			if what == "begin" {
				leads = false
			}
			return nil
		}
		r := w.reconciler(t, reconcile.Config{Leader: leader})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, _ = r.Look(ctx, reconcile.Trigger{Kind: "statement"}, "u_c")
		equal(t, "actions", []string{"create r_25cc open"}, w.actions())
		equal(t, "replicas", nil, w.names("u_c"))
		// It leads again, and takes its own intention up.
		leads, w.onRecord = true, nil
		if _, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_c"); err != nil {
			t.Fatal(err)
		}
		equal(t, "actions", []string{"create r_25cc executed"}, w.actions())
	})
}

// Old rows are dropped now and then.
func TestPruned(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld()
		n := 0
		w.onRecord = func(what string) error {
			if what == "prune" {
				n++
			}
			return nil
		}
		running(t, w.reconciler(t, reconcile.Config{}))
		settle(10*time.Hour + time.Minute)
		if n < 10 || n > 11 {
			t.Errorf("pruned %d times in ten hours", n)
		}
	})
}

// The two of them read each other's mind: a follower's look returns what the leader did.
func TestFollow(t *testing.T) {
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprint(fails), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
				follower := audited{w}
				r, err := reconcile.New(reconcile.Config{
					Planner: planner(), Observer: w, Executor: w, Recorder: follower, Logger: quiet(),
					Leader: &enginetest.Leader{LeadingFunc: func() bool { return false }},
				})
				if err != nil {
					t.Fatal(err)
				}
				leader := w.reconciler(t, reconcile.Config{})
				if fails {
					w.onExecute = func(engine.Action) error { return errors.New("no room at the inn") }
				}
				since := time.Now()
				go func() {
					time.Sleep(3 * time.Second)
					_, _ = leader.Look(t.Context(), reconcile.Trigger{Kind: "event"}, "u_c")
				}()
				outcomes, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement", Since: since}, "u_c")
				if err != nil || len(outcomes) != 1 || len(outcomes[0].Results) != 1 || (outcomes[0].Results[0].Err != nil) != fails {
					t.Errorf("%+v, %v", outcomes, err)
				}
			})
		})
	}
}

// An action that keeps failing does not keep the others of its cluster from being tried, has a backoff of its own, and does not count for
// the rate of actions.
func TestFailingActionAlone(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small), enginetest.Strategy("burst", burst)))
		refused := errors.New("no capacity")
		w.onExecute = func(a engine.Action) error {
			if a.Replica == "c_burst" {
				return refused
			}
			return nil
		}
		r := w.reconciler(t, reconcile.Config{})
		outcomes, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_c")
		if err != nil || len(outcomes[0].Results) != 2 || !errors.Is(outcomes[0].Results[0].Err, refused) || outcomes[0].Results[1].Err != nil {
			t.Fatalf("%+v, %v", outcomes, err)
		}
		equal(t, "replicas", []string{"r_25cc"}, w.names("u_c"))
		running(t, r)
		settle(2 * time.Hour)
		if failed := count(w.actions(), "create c_burst failed"); failed < 20 || failed > 60 {
			t.Errorf("failed %d times in two hours", failed)
		}
		w.change("u_c", func(c *engine.ClusterState) { c.Strategies[0].Config = []byte(`{"target_size": "50cc"}`) })
		w.events <- reconcile.Change{ClusterID: "u_c", Strategies: true}
		settle(time.Second) // nothing of the failing one holds it up
		equal(t, "replicas", []string{"r_25cc", "r_50cc"}, w.names("u_c"))
		w.mu.Lock()
		w.onExecute = nil
		w.mu.Unlock()
		settle(10 * time.Minute)
		equal(t, "replicas", []string{"r_25cc", "r_50cc", "c_burst"}, w.names("u_c"))
	})
}

// A drop waits for the create that it makes room for; drops of other strategies do not.
func TestDropWaitsForItsCreate(t *testing.T) {
	replaces := func(name string) engine.Strategy { return swap{name: name} }
	for _, test := range []struct {
		strategies []engine.Strategy
		want       []string
	}{
		{[]engine.Strategy{replaces("swap")}, []string{"old"}},
		{[]engine.Strategy{swap{name: "adds", only: "add"}, swap{name: "drops", only: "drop"}}, nil},
	} {
		bubble(t, func(t *testing.T) {
			w := newWorld(enginetest.Cluster("c", enginetest.Ready("old", "25cc"), enginetest.Ready("kept", "25cc")))
			for _, s := range test.strategies {
				w.change("u_c", enginetest.Strategy(s.Info().Name, `{}`))
			}
			w.onExecute = func(a engine.Action) error {
				if a.Op == engine.OpCreate {
					return errors.New("no capacity")
				}
				return nil
			}
			r := w.reconciler(t, reconcile.Config{Planner: engine.Planner{Registry: engine.NewRegistry(test.strategies...)}})
			if _, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_c"); err != nil {
				t.Fatal(err)
			}
			equal(t, "replicas", append(test.want, "kept"), w.names("u_c"))
		})
	}
}

// swap is a strategy that replaces the replica "old" by "new" at once, or does one half of that.
type swap struct{ name, only string }

func (s swap) Info() engine.TypeInfo { return engine.TypeInfo{Name: s.name} }

func (s swap) Decide(in engine.Input) engine.Decision {
	d := engine.Decision{Verb: engine.VerbCreate}
	if s.only != "drop" {
		d.Step.Add = []engine.Addition{{ReplicaSpec: engine.ReplicaSpec{Name: "new", Size: "25cc"}, Why: "it is new"}}
	}
	if s.only != "add" && in.Cluster.Replica("old") != nil {
		d.Step.Remove = []engine.Removal{{Name: "old", Why: "it is old"}}
	}
	return d
}

func count(list []string, of string) (n int) {
	for _, s := range list {
		if s == of {
			n++
		}
	}
	return n
}

// Rows of the audit table that nobody of us wrote, or wrote well: a healthy cluster is acted on within a second beside each of them.
func TestOddUnfinishedRows(t *testing.T) {
	odd := []string{"", "u_c", "u_other", "u_gone", "create", "drop", "explode", "\x00", strings.Repeat("x", 1<<12)}
	times := []time.Time{{}, time.Unix(0, 0), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Date(-200_000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(200_000, 1, 1, 0, 0, 0, 0, time.UTC)}
	dice := rand.New(rand.NewPCG(3, 4))
	pick := func() string { return odd[dice.IntN(len(odd))] }
	for range 300 {
		bubble(t, func(t *testing.T) {
			w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)), enginetest.Cluster("other"))
			for i := range 5 {
				row := reconcile.ActionRecord{ActionID: fmt.Sprint(i, pick()), ClusterID: pick(), SQL: pick(), CreatedAt: times[dice.IntN(len(times))]}
				row.Context.Op, row.Context.Replica, row.Context.Size = pick(), pick(), pick()
				if dice.IntN(4) == 0 {
					row.Error = "?"
				}
				w.records = append(w.records, row)
			}
			before := fmt.Sprintf("%.300v", w.records)
			running(t, w.reconciler(t, reconcile.Config{}))
			settle(time.Second)
			if got := w.names("u_c"); !slices.Equal(got, []string{"r_25cc"}) {
				t.Fatalf("replicas %q beside %s", got, before)
			}
			w.looks()
			settle(10 * time.Minute) // none of them keeps us busy
			if n := len(w.looks()); n > 100 {
				t.Fatalf("%d looks in ten minutes beside %s", n, before)
			}
		})
	}
}

// A pause of all holds clusters and strategies that come later, too, until it ends; and it ends a plan that is being carried out.
func TestPauseOfAll(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c"), enginetest.Cluster("d"))
		w.pauses = []engine.StrategyRow{{Type: engine.PauseType, Config: []byte(`{"by": "bob"}`)}}
		running(t, w.reconciler(t, reconcile.Config{}))
		settle(time.Minute)
		w.change("u_c", enginetest.Strategy("target_size", small))
		w.events <- reconcile.Change{ClusterID: "u_c", Strategies: true}
		settle(time.Hour)
		equal(t, "actions", nil, w.actions())
		w.onExecute = func(engine.Action) error { // of the first action, while others are to follow
			w.mu.Lock()
			defer w.mu.Unlock()
			w.pauses = []engine.StrategyRow{{Type: engine.PauseType, Config: []byte(`{}`)}}
			return nil
		}
		w.change("u_d", enginetest.Strategy("target_size", small))
		w.change("u_d", enginetest.Strategy("burst", burst))
		w.change("u_c", func(c *engine.ClusterState) { c.Strategies = nil })
		w.mu.Lock()
		w.pauses = nil
		w.mu.Unlock()
		w.events <- reconcile.Change{ClusterID: engine.AllClusters, Strategies: true}
		settle(time.Hour)
		equal(t, "actions", []string{"create d_burst executed"}, w.actions())
	})
}
