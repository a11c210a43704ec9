package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"
)

// Observer reads the world.
type Observer interface {
	// Observe reads one moment of the named clusters (by id), or, with none named, of all
	// that have strategies. The number of queries does not depend on the
	// number of clusters. Ids that do not exist are left out.
	Observe(ctx context.Context, clusterIDs ...string) (Snapshot, error)
}

// Executor runs the statement of an action.
type Executor interface {
	Execute(ctx context.Context, a Action) error
}

// Recorder keeps what outlives the process.
type Recorder interface {
	// Begin writes the intention to run an action; Finish completes it. Between the two,
	// Executed is nil.
	Begin(ctx context.Context, r ActionRecord) error
	Finish(ctx context.Context, r ActionRecord) error
	// Unfinished returns the intentions that nobody completed, and Forget
	// drops one that came to nothing.
	Unfinished(ctx context.Context) ([]ActionRecord, error)
	Forget(ctx context.Context, actionID string) error
	// SaveState stores a cluster's state in place of an older one.
	SaveState(ctx context.Context, clusterID string, s ClusterMemory) error
}

// Watcher tells of changes as they happen.
type Watcher interface {
	// Watch calls changed for every cluster (by id) that may have changed, and for all of them
	// (no ids) when it cannot tell; it returns when it can watch no longer. It calls up once it
	// sees all that happens from then on.
	Watch(ctx context.Context, up func(), changed func(clusterIDs ...string)) error
}

// Defaults of a ReconcilerConfig.
const (
	DefaultResync = time.Minute
	DefaultPoll   = 400 * time.Millisecond
)

// ReconcilerConfig holds what a Reconciler works with.
type ReconcilerConfig struct {
	Planner  Planner
	Observer Observer
	Executor Executor
	Recorder Recorder
	Watcher  Watcher // may be nil: the world is polled
	Leader   Leader  // may be nil: there is nobody else
	// Resync is how often all clusters are looked at even if nothing was
	// noticed, Poll how often a cluster is that waits for a replica while nobody watches.
	Resync, Poll time.Duration
	// Observe plans and logs, and executes nothing.
	Observe bool
	Logger  logrus.FieldLogger
	// Step, if set, is called with the name of each step of the apply phase before it is
	// taken, for fault tests.
	Step func(step string)
}

// Reconciler brings clusters to what their strategies say. It is level-triggered: whatever leads to
// a look, what is done follows from what is stored and observed then. Per
// cluster there is one look that acts at a time. Methods are safe for concurrent use.
type Reconciler struct {
	cfg      ReconcilerConfig
	schedule *schedule
	// unsettled is set while the audit table may hold intentions that nobody
	// works on; inFlight holds the ids of those that are being worked on.
	unsettled atomic.Bool
	inFlight  sync.Map

	mu       sync.Mutex
	clusters map[string]*clusterWork
}

// clusterWork is what the reconciler knows about its own work on a cluster.
type clusterWork struct {
	acting sync.Mutex // held while a look acts on the cluster

	mu       sync.Mutex
	failures int
	retryAt  time.Time
	plan     string   // the statements of the last plan, for the log
	recent   []recent // actions of the last seconds, for looks that came second
}

type recent struct {
	at     time.Time
	result ActionResult
}

// NewReconciler checks the configuration.
func NewReconciler(cfg ReconcilerConfig) (*Reconciler, error) {
	if cfg.Observer == nil || cfg.Executor == nil || cfg.Recorder == nil || cfg.Planner.Registry == nil || cfg.Logger == nil {
		return nil, errors.New("reconciler: observer, executor, recorder, registry and logger are required")
	}
	if cfg.Resync <= 0 {
		cfg.Resync = DefaultResync
	}
	if cfg.Poll <= 0 {
		cfg.Poll = DefaultPoll
	}
	r := &Reconciler{cfg: cfg, schedule: newSchedule(), clusters: map[string]*clusterWork{}}
	r.unsettled.Store(!cfg.Observe)
	return r, nil
}

// Trigger says why a look is taken, and who asked.
type Trigger struct {
	Kind        string // "statement", "apply", "event", "due", "resync", "start"
	Role        string
	Application string
	Client      string // address
	SQLKind     string // "INSERT", "UPDATE", ...
	// Since is when the statement was sent that led to the look: actions that another look
	// took since then are reported as this one's.
	Since time.Time
}

// Outcome is what one look at one cluster led to.
type Outcome struct {
	Before  ClusterState // as it was when the plan was made
	Plan    ClusterPlan
	Now     Timestamp      // of the observation, by the server's clock
	Results []ActionResult // actions that were tried, in order
	// Observe is set where nothing was executed because of observe mode.
	Observe bool
	// RetryAt is set while a failed action waits for its next try.
	RetryAt time.Time
}

// ActionResult is an executed or failed action.
type ActionResult struct {
	Action
	ActionID string
	Err      error // nil: executed
}

// Explain observes and plans, and does nothing else.
func (r *Reconciler) Explain(ctx context.Context, clusterIDs ...string) (Snapshot, Plan, error) {
	s, err := r.cfg.Observer.Observe(ctx, clusterIDs...)
	if err != nil {
		return Snapshot{}, Plan{}, fmt.Errorf("observe: %w", err)
	}
	return s, r.cfg.Planner.Plan(s), nil
}

// WhatIf plans twice: for what is there, and for what would be there after a
// change. s is the changed snapshot.
func (r *Reconciler) WhatIf(ctx context.Context, clusterIDs []string, change func(*Snapshot)) (s Snapshot, before, after Plan, err error) {
	s, before, err = r.Explain(ctx, clusterIDs...)
	if err != nil {
		return s, before, after, err
	}
	s.Clusters = append([]ClusterState(nil), s.Clusters...)
	change(&s)
	return s, before, r.cfg.Planner.Plan(s), nil
}

// Look observes the named clusters (by id; none named: all with strategies),
// plans, and acts. Outcomes are in the order of the snapshot. An error means that the world could not
// be read; actions that failed are in the outcomes.
func (r *Reconciler) Look(ctx context.Context, trigger Trigger, clusterIDs ...string) ([]Outcome, error) {
	if r.cfg.Leader != nil && !r.cfg.Leader.Leading() {
		return r.follow(ctx, trigger, clusterIDs)
	}
	s, plan, err := r.Explain(ctx, clusterIDs...)
	if err != nil {
		return nil, err
	}
	outcomes := make([]Outcome, len(plan.Clusters))
	errs := make([]error, len(plan.Clusters))
	var group errgroup.Group
	group.SetLimit(16)
	for i := range plan.Clusters {
		outcomes[i] = Outcome{Before: s.Clusters[i], Plan: plan.Clusters[i], Now: s.Now}
		group.Go(func() error {
			errs[i] = r.act(ctx, trigger, &outcomes[i])
			return nil // one cluster's trouble is not the others'
		})
	}
	_ = group.Wait()
	return outcomes, errors.Join(errs...)
}

func (r *Reconciler) work(id string) *clusterWork {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.clusters[id]
	if w == nil {
		w = &clusterWork{}
		r.clusters[id] = w
	}
	return w
}

// act carries out the plan for one cluster, after a second look at it: a plan is
// applied only if the cluster still looks as it did when the plan was made.
// Otherwise a new plan is made.
func (r *Reconciler) act(ctx context.Context, trigger Trigger, o *Outcome) error {
	w := r.work(o.Plan.ID)
	defer func() { r.plan(w, o) }()
	if r.cfg.Observe {
		o.Observe = len(o.Plan.Actions) > 0
		r.logPlan(w, o)
		return nil
	}
	if len(o.Plan.Actions) == 0 {
		r.logPlan(w, o)
		r.remember(ctx, o)
		o.Results = w.since(trigger.Since)
		return nil
	}
	w.acting.Lock()
	defer w.acting.Unlock()
	if o.RetryAt = w.waiting(trigger); !o.RetryAt.IsZero() {
		return nil
	}
	for {
		r.step("look")
		again, plan, err := r.Explain(ctx, o.Plan.ID)
		if err != nil {
			return err
		}
		if len(plan.Clusters) == 0 { // dropped meanwhile
			o.Plan.Actions = nil
			return nil
		}
		same := sameView(&o.Before, &again.Clusters[0]) && sameStatements(o.Plan.Actions, plan.Clusters[0].Actions)
		o.Before, o.Plan, o.Now = again.Clusters[0], plan.Clusters[0], again.Now
		if len(o.Plan.Actions) == 0 {
			r.logPlan(w, o)
			o.Results = w.since(trigger.Since)
			return nil
		}
		if same {
			break
		}
	}
	r.logPlan(w, o)
	return r.apply(ctx, trigger, w, o)
}

func (r *Reconciler) step(name string) {
	if r.cfg.Step != nil {
		r.cfg.Step(name)
	}
}

// plan notes when the cluster is to be looked at again.
func (r *Reconciler) plan(w *clusterWork, o *Outcome) {
	w.mu.Lock()
	retryAt := w.retryAt
	w.mu.Unlock()
	var in []time.Duration
	if o.Plan.NextLook != nil {
		in = append(in, o.Plan.NextLook.Sub(o.Now.Time)+time.Millisecond)
	}
	if !retryAt.IsZero() {
		in = append(in, time.Until(retryAt))
	}
	if o.Plan.Waiting {
		in = append(in, r.cfg.Poll)
	}
	for _, d := range in {
		r.schedule.add(o.Plan.ID, time.Now().Add(d))
	}
}

// sameView tells whether two observations of a cluster show the same to a
// plan: time and activity aside, which show in the statements.
func sameView(a, b *ClusterState) bool {
	if a.Name != b.Name || a.Managed != b.Managed || len(a.Replicas) != len(b.Replicas) || len(a.Strategies) != len(b.Strategies) {
		return false
	}
	for _, x := range a.Replicas {
		y := b.Replica(x.Name)
		if y == nil || x.ID != y.ID || x.Size != y.Size || a.Ready(x) != b.Ready(*y) {
			return false
		}
	}
	newest := newestRows(b.Strategies)
	for kind, row := range newestRows(a.Strategies) {
		other, ok := newest[kind]
		if !ok || string(other.Config) != string(row.Config) {
			return false
		}
	}
	return true
}

func sameStatements(a, b []Action) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].SQL != b[i].SQL {
			return false
		}
	}
	return true
}
