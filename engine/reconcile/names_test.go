package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

// renaming is a world in which somebody changes what names stand for while the reconciler works.
type renaming struct {
	*world
	dice    *rand.Rand
	n       int
	ours    map[string]bool // ids of replicas that the reconciler had created
	theirs  map[string]bool // and of those that others had
	history []string
	events  int             // so far
	seen    map[string]int  // the number of events when a cluster was last observed, by its id
	foreign map[string]bool // clusters that somebody else owns, by their ids
}

func (r *renaming) say(format string, args ...any) {
	r.history = append(r.history, fmt.Sprintf(format, args...))
}

// execute obeys, and notes whose the replica is. What is dropped has to be ours. What happens between the last look and a drop is out of reach: a statement knows
// names alone, and there is no way to ask and to drop in one. Such a drop fails here.
func (r *renaming) execute(a engine.Action) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.all()
	if met := r.named(a); met != nil && a.Op == engine.OpDrop && r.seen[met.ID] != r.events {
		return errors.New("something happened since the last look")
	}
	if met := r.named(a); met != nil && r.foreign[met.ID] {
		r.say("%s: must be owner", a.SQL)
		return &reconcile.ServerError{Code: "42501", Message: "must be owner of CLUSTER " + met.Name}
	}
	err := r.obeyLocked(a)
	r.say("%s: %v", a.SQL, err)
	after := r.all()
	for id := range after {
		if _, ok := before[id]; !ok {
			r.ours[id] = true
		}
	}
	for id, name := range before {
		if _, ok := after[id]; !ok && r.theirs[id] {
			r.say("WRONG: %s (%s) is not ours", id, name)
		}
	}
	return err
}

// named is the cluster that a statement meets now. The caller holds the lock.
func (r *renaming) named(a engine.Action) *engine.ClusterState {
	for _, c := range r.clusters {
		if strings.Contains(a.SQL, " "+pgtext.QuoteIdent(c.Name)+".") {
			return c
		}
	}
	return nil
}

// all are the replicas that exist, by their ids.
func (r *renaming) all() map[string]string {
	list := map[string]string{}
	for _, c := range r.clusters {
		for _, replica := range c.Replicas {
			list[replica.ID] = c.Name + "." + replica.Name
		}
	}
	return list
}

// byHand creates a replica as a user would. The caller holds the lock.
func (r *renaming) byHand(c *engine.ClusterState, name string, ready bool) {
	if c.Replica(name) != nil {
		return
	}
	r.replicas++
	id := fmt.Sprint("u", r.replicas)
	r.theirs[id] = true
	c.Replicas = append(slices.Clone(c.Replicas), engine.Replica{ID: id, Name: name, Size: "25cc", Online: true, Hydrated: &ready})
}

// add creates a cluster with a replica that is not ready.
func (r *renaming) add(name string) {
	r.n++
	c := enginetest.Cluster(name)
	c.ID = fmt.Sprint("u", 100+r.n)
	c.Replicas = nil
	r.clusters[c.ID] = &c
	r.byHand(&c, "main", false)
}

// event changes what a name stands for. The caller holds the lock.
func (r *renaming) event() {
	var ids []string
	for id := range r.clusters {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	r.dice.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	a, b := r.clusters[ids[0]], r.clusters[ids[1]]
	switch r.dice.IntN(8) {
	case 0:
		r.n++
		r.say("%s is renamed to renamed%d", a.Name, r.n)
		a.Name = fmt.Sprint("renamed", r.n)
	case 1, 2:
		r.say("%s and %s are swapped", a.Name, b.Name)
		a.Name, b.Name = b.Name, a.Name
	case 3:
		r.say("%s (%s) is dropped, and another one gets its name", a.Name, a.ID)
		delete(r.clusters, a.ID)
		r.add(a.Name)
	case 4:
		r.say("%s gets a replica by hand that is called as a burst would be", a.Name)
		r.byHand(a, a.Name+"_burst", false)
	case 5:
		r.say("all but main of %s goes by hand, and a namesake comes", a.Name)
		names := []string{}
		for _, replica := range a.Replicas {
			if replica.Name != "main" {
				names = append(names, replica.Name)
			}
		}
		a.Replicas = slices.DeleteFunc(slices.Clone(a.Replicas), func(x engine.Replica) bool { return x.Name != "main" })
		for _, name := range names {
			r.byHand(a, name, false)
		}
	case 6:
		r.say("the strategies of %s are gone", a.Name)
		a.Strategies = nil
	case 7:
		r.foreign[a.ID] = !r.foreign[a.ID]
		r.say("%s (%s) gets another owner; somebody else: %t", a.Name, a.ID, r.foreign[a.ID])
	}
}

// step lets something happen before a step is taken.
func (r *renaming) step(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dice.IntN(4) == 0 {
		r.say("before %s:", name)
		r.events++
		r.event()
	}
}

// Clusters are renamed, swapped, given to others, dropped and made anew at each step of actions. In the end, when the replicas of the users are ready, nothing of
// ours is left behind, and nothing of theirs was dropped.
func TestNamesChange(t *testing.T) {
	for schedule := range nameSchedules {
		bubble(t, func(t *testing.T) {
			w := newWorld()
			r := &renaming{world: w, dice: rand.New(rand.NewPCG(7, uint64(schedule))), ours: map[string]bool{}, theirs: map[string]bool{}, seen: map[string]int{}, foreign: map[string]bool{}}
			for _, name := range []string{"blue", "green", "red"} {
				r.add(name)
			}
			w.onObserve = func(ids []string) error {
				w.mu.Lock()
				defer w.mu.Unlock()
				for _, id := range ids {
					r.seen[id] = r.events
				}
				return nil
			}
			reconciler := w.reconciler(t, reconcile.Config{Executor: &enginetest.Executor{ExecuteFunc: func(_ context.Context, a engine.Action) error { return r.execute(a) }}, Step: r.step})
			stop := running(t, reconciler)
			for range 4 {
				w.mu.Lock()
				for _, c := range w.clusters {
					if len(c.Strategies) == 0 && r.dice.IntN(2) == 0 {
						r.say("%s (%s) gets a burst", c.Name, c.ID)
						enginetest.Strategy("burst", burst)(c)
					}
					for i := range c.Replicas { // now and then a burst is over
						if c.Replicas[i].Name == "main" {
							ready := r.dice.IntN(3) == 0
							c.Replicas[i].Hydrated = &ready
						}
					}
				}
				pause := time.Duration(r.dice.IntN(200)) * time.Second
				w.mu.Unlock()
				w.events <- reconcile.Change{}
				settle(pause)
			}
			w.mu.Lock()
			r.dice = rand.New(calm{})
			clear(r.foreign)
			for _, c := range w.clusters {
				yes := true
				c.Replica("main").Hydrated = &yes
			}
			w.mu.Unlock()
			settle(time.Hour)
			stop()
			for id, name := range r.all() {
				if r.ours[id] {
					r.say("WRONG: %s (%s) is left behind", id, name)
				}
			}
			if text := strings.Join(r.history, "\n"); strings.Contains(text, "WRONG") {
				t.Fatalf("schedule %d:\n%s", schedule, text)
			}
		})
	}
}

// calm is chance that lets nothing happen.
type calm struct{}

func (calm) Uint64() uint64 { return ^uint64(0) }
