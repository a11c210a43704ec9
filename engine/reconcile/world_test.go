package reconcile_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
	"mzproxy/engine/reconcile"
	"mzproxy/engine/strategy"
	"mzproxy/rewrite/pgtext"
)

// world is a server in memory: clusters, replicas, and the tables. It obeys the
// statements of a reconciler, and counts what it is asked.
type world struct {
	mu       sync.Mutex
	clusters map[string]*engine.ClusterState
	created  map[string]map[string]string // cluster id to replica id to strategy, as stored
	records  []reconcile.ActionRecord
	pauses   []engine.StrategyRow // of all clusters
	replicas int
	observed []observed
	audit    []auditEvent
	ticks    time.Duration

	// What a test adds to the way of things; nil: nothing. They are called without the lock.
	onObserve func(ids []string) error
	onExecute func(a engine.Action) error
	onRecord  func(what string) error
	watching  func(ctx context.Context, up func(), changed func(reconcile.Change)) error
	events    chan reconcile.Change
}

type observed struct {
	at  time.Time
	ids []string
}

func newWorld(clusters ...engine.ClusterState) *world {
	w := &world{clusters: map[string]*engine.ClusterState{}, created: map[string]map[string]string{}, events: make(chan reconcile.Change, 100)}
	for _, c := range clusters {
		for i := range c.Replicas {
			w.replicas++
			c.Replicas[i].ID = fmt.Sprint("u", w.replicas)
			if by, ok := c.CreatedBy[c.Replicas[i].Name]; ok {
				w.owns(c.ID, c.Replicas[i].ID, by)
			}
		}
		w.clusters[c.ID] = &c
	}
	return w
}

func (w *world) owns(cluster, replica, strategy string) {
	if w.created[cluster] == nil {
		w.created[cluster] = map[string]string{}
	}
	w.created[cluster][replica] = strategy
}

// createdBy tells what is stored about whose the replicas of a cluster are, by name.
func (w *world) createdBy(id string) map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ownersIn(id)
}

func (w *world) ownersIn(id string) map[string]string {
	by := map[string]string{}
	for _, r := range w.clusters[id].Replicas {
		if strategy, ok := w.created[id][r.ID]; ok {
			by[r.Name] = strategy
		}
	}
	return by
}

// change does something to a cluster behind the reconciler's back.
func (w *world) change(id string, f func(*engine.ClusterState)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := w.clusters[id]
	c.CreatedBy = w.ownersIn(id)
	f(c)
}

// auditEvent is what the server's record tells of a statement of ours.
type auditEvent struct {
	reconcile.Traced
	at                   time.Time
	op, cluster, replica string
}

// now is the server's clock, which goes on from one thing to the next. The caller holds the lock.
func (w *world) now() time.Time {
	w.ticks++
	return time.Now().UTC().Add(w.ticks)
}

// Trace looks into the server's record.
func (w *world) Trace(_ context.Context, since time.Time, op, cluster, replica string) (reconcile.Traced, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range slices.Backward(w.audit) {
		if !a.at.Before(since) && a.op == op && a.cluster == cluster && a.replica == replica {
			return a.Traced, nil
		}
	}
	return reconcile.Traced{}, nil
}

func (w *world) Observe(ctx context.Context, ids ...string) (engine.Snapshot, error) {
	w.mu.Lock()
	w.observed = append(w.observed, observed{time.Now(), ids})
	hook := w.onObserve
	w.mu.Unlock()
	if hook != nil {
		if err := hook(ids); err != nil {
			return engine.Snapshot{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return engine.Snapshot{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	s := engine.Snapshot{Now: engine.At(w.now()), Sizes: enginetest.Sizes, Pauses: w.pauses}
	for id, c := range w.clusters {
		if len(ids) == 0 && (len(c.Strategies) > 0 || len(w.created[id]) > 0) || slices.Contains(ids, id) {
			seen := *c
			seen.Counted = true
			seen.Replicas = slices.Clone(c.Replicas)
			seen.Recorded, seen.CreatedBy = true, map[string]string{}
			for _, r := range c.Replicas {
				if by, ok := w.created[id][r.ID]; ok {
					seen.CreatedBy[r.Name] = by
				}
			}
			for _, r := range w.records {
				if r.ClusterID == id && r.Executed != nil && *r.Executed && time.Since(r.CreatedAt) < 5*time.Minute {
					seen.RecentActions++
				}
			}
			s.Clusters = append(s.Clusters, seen)
		}
	}
	slices.SortFunc(s.Clusters, func(a, b engine.ClusterState) int { return compare(a.ID, b.ID) })
	return s, nil
}

func compare(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (w *world) Execute(_ context.Context, a engine.Action) error {
	w.mu.Lock()
	hook := w.onExecute
	w.mu.Unlock()
	if hook != nil {
		if err := hook(a); err != nil {
			return err
		}
	}
	return w.obey(a)
}

// obey runs a statement; the cluster is found by the name in it.
func (w *world) obey(a engine.Action) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.obeyLocked(a)
}

// obeyLocked is obey for a caller that holds the lock.
func (w *world) obeyLocked(a engine.Action) error {
	for _, c := range w.clusters {
		if a.Alter != nil && strings.HasPrefix(a.SQL, "ALTER CLUSTER "+pgtext.QuoteIdent(c.Name)+" ") {
			return alter(c, *a.Alter)
		}
		quoted := pgtext.QuoteIdent(c.Name) + "." + pgtext.QuoteIdent(a.Replica)
		switch a.SQL {
		case "CREATE CLUSTER REPLICA " + quoted + " (SIZE " + pgtext.QuoteLiteral(a.Size) + ")":
			if c.Replica(a.Replica) != nil {
				return errors.New("cannot create multiple replicas of that name")
			}
			w.replicas++
			id := fmt.Sprint("u", w.replicas)
			c.Replicas = append(slices.Clone(c.Replicas), engine.Replica{ID: id, Name: a.Replica, Size: a.Size})
			w.audit = append(w.audit, auditEvent{reconcile.Traced{ClusterID: c.ID, ReplicaID: id}, w.now(), string(a.Op), c.Name, a.Replica})
			return nil
		case "DROP CLUSTER REPLICA " + quoted:
			gone := c.Replica(a.Replica)
			if gone == nil {
				return errors.New("no such replica")
			}
			w.audit = append(w.audit, auditEvent{reconcile.Traced{ClusterID: c.ID, ReplicaID: gone.ID}, w.now(), string(a.Op), c.Name, a.Replica})
			c.Replicas = slices.DeleteFunc(slices.Clone(c.Replicas), func(r engine.Replica) bool { return r.Name == a.Replica })
			return nil
		}
	}
	return errors.New("unknown cluster")
}

// alter is what a server does that changes sizes in the background.
func alter(c *engine.ClusterState, a engine.Alteration) error {
	shape := *c.Shape
	shape.Burst = a.To.Burst
	if slices.Contains(a.Options, engine.OptionFactor) && c.Reconfiguring != nil {
		return &reconcile.ServerError{Code: "55006", Message: "cannot change replication factor while a reconfiguration is in progress"}
	}
	switch {
	case slices.Contains(a.Options, engine.OptionSize) && a.To.Size != shape.Size:
		since := engine.At(time.Now().UTC())
		c.Reconfiguring = &engine.Reconfiguration{Size: a.To.Size, Factor: a.To.Factor, Since: &since}
	case slices.Contains(a.Options, engine.OptionSize):
		c.Reconfiguring = nil
	default:
		shape.Factor = a.To.Factor
		c.Replicas = nil
		enginetest.Managed(shape.Size, shape.Factor)(c)
	}
	c.Shape = &shape
	return nil
}

// finalize ends a reconfiguration: the replicas are those of the new size.
func finalize(c *engine.ClusterState) {
	to := *c.Reconfiguring
	burst := c.Shape.Burst
	c.Reconfiguring, c.Replicas = nil, nil
	enginetest.Managed(to.Size, to.Factor)(c)
	c.Shape.Burst = burst
}

func (w *world) recording(what string) error {
	w.mu.Lock()
	hook := w.onRecord
	w.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(what)
}

func (w *world) Begin(_ context.Context, r reconcile.ActionRecord) error {
	if err := w.recording("begin"); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	r.CreatedAt = time.Now()
	w.records = append(w.records, r)
	return nil
}

func (w *world) Finish(_ context.Context, r reconcile.ActionRecord) error {
	if err := w.recording("finish"); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.records {
		if w.records[i].ActionID == r.ActionID {
			w.records[i].Executed, w.records[i].Error = r.Executed, r.Error
			return nil
		}
	}
	r.CreatedAt = time.Now()
	w.records = append(w.records, r)
	return nil
}

func (w *world) Unfinished(context.Context) ([]reconcile.ActionRecord, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var open []reconcile.ActionRecord
	for _, r := range w.records {
		if r.Executed == nil {
			open = append(open, r)
		}
	}
	return open, nil
}

func (w *world) Forget(_ context.Context, id string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.records = slices.DeleteFunc(w.records, func(r reconcile.ActionRecord) bool { return r.ActionID == id && r.Executed == nil })
	return nil
}

func (w *world) SaveState(_ context.Context, id string, m reconcile.ClusterMemory) error {
	if err := w.recording("state"); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if c := w.clusters[id]; c != nil {
		c.State, w.created[id] = m.Strategies, m.Replicas
		if c.Shape != nil {
			c.BurstBy = m.BurstBy(c.Shape.Burst)
		}
	}
	return nil
}

func (w *world) Prune(context.Context) error { return w.recording("prune") }

func (w *world) Watch(ctx context.Context, up func(), changed func(reconcile.Change)) error {
	if w.watching != nil {
		return w.watching(ctx, up, changed)
	}
	up()
	for {
		select {
		case c := <-w.events:
			changed(c)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// actions renders the audit rows: what was done, or not.
func (w *world) actions() (list []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.records {
		outcome := "open"
		switch {
		case r.Executed != nil && *r.Executed:
			outcome = "executed"
		case r.Executed != nil:
			outcome = "failed"
		}
		list = append(list, fmt.Sprint(r.Context.Op, " ", r.Subject(), " ", outcome))
	}
	return list
}

// names are the replicas of a cluster.
func (w *world) names(id string) (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.clusters[id].Replicas {
		names = append(names, r.Name)
	}
	return names
}

// looks forgets what was observed so far, and returns it.
func (w *world) looks() []observed {
	w.mu.Lock()
	defer w.mu.Unlock()
	looks := w.observed
	w.observed = nil
	return looks
}

func planner() engine.Planner {
	return engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}
}

// reconciler makes a reconciler for the world, which is observed as it is unless the test has an observer of its own.
func (w *world) reconciler(t *testing.T, cfg reconcile.Config) *reconcile.Reconciler {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	if cfg.Planner.Registry == nil {
		cfg.Planner = planner()
	}
	cfg.Recorder, cfg.Watcher, cfg.Logger = w, w, log
	if cfg.Executor == nil {
		cfg.Executor = w
	}
	if cfg.Observer == nil {
		cfg.Observer = w
	}
	r, err := reconcile.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// running runs a reconciler in a bubble, and returns what ends it and waits for that.
func running(t *testing.T, r *reconcile.Reconciler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		if err := r.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-over
	})
	t.Cleanup(stop)
	return stop
}

// bubble runs a test in fake time.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// settle lets some fake time pass, and everything that is due come to rest.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

const (
	small = `{"target_size": "25cc"}`
	burst = `{"burst_replica_size": "400cc"}`
)
