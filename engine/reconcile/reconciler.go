package reconcile

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
)

// Observer reads the world.
type Observer interface {
	// Observe returns one moment of the named clusters (by id), or, with none named, of all
	// that have strategies or replicas that the engine created. What was done through its Executor and Recorder is in it. Ids that do not
	// exist are left out. An error says that it is not known how things are now: then nothing is done.
	Observe(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error)
}

// Rereader is an Observer whose moments lie a little back, and that can have the strategies as they are now.
type Rereader interface {
	// Reread is Observe with the rows of strategies as they are now. So are clusters of which others have told that they were changed.
	Reread(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error)
}

// Inspector is an Observer that reads no more than decisions need, unless it is asked for people.
type Inspector interface {
	Inspect(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error)
}

// Foreseer is an Observer that reads only what the stored strategies ask for, unless it is asked for what others
// might.
type Foreseer interface {
	// Foresee is Observe for strategies that may be stored yet.
	Foresee(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error)
}

// Authority knows which rows count.
type Authority interface {
	// Authority reads who may steer what at this moment.
	Authority(ctx context.Context) (engine.Authority, error)
}

// Executor runs the statement of an action.
type Executor interface {
	// Execute returns nil once the statement has succeeded. An error that wraps ErrNoAnswer
	// leaves open whether it was executed, or will be yet; every other error is the server's refusal.
	Execute(ctx context.Context, a engine.Action) error
}

// ErrNoAnswer says that a statement was sent, or was to be sent, and that the
// server's answer never came.
var ErrNoAnswer = errors.New("no answer from the server")

// Recorder keeps what outlives the process.
type Recorder interface {
	// Begin writes the intention to run an action. Until Finish completes it, Executed is nil.
	// Finish writes the whole row where somebody has dropped it meanwhile.
	Begin(ctx context.Context, r ActionRecord) error
	Finish(ctx context.Context, r ActionRecord) error
	// Unfinished returns the intentions that nobody completed, and Forget
	// drops one that came to nothing.
	Unfinished(ctx context.Context) ([]ActionRecord, error)
	Forget(ctx context.Context, actionID string) error
	// SaveState stores a cluster's state in place of an older one.
	SaveState(ctx context.Context, clusterID string, m ClusterMemory) error
	// Prune drops what is too old to be of use.
	Prune(ctx context.Context) error
}

// DefaultResync is the default of Config.Resync.
const DefaultResync = time.Minute

// Config holds what a Reconciler works with.
type Config struct {
	Planner  engine.Planner
	Observer Observer
	Executor Executor
	Recorder Recorder
	Watcher  Watcher // may be nil: nothing is noticed between two looks at all
	Leader   Leader  // may be nil: there is nobody else
	// Authority may be nil: every row counts.
	Authority Authority
	// Resync is how often all clusters are looked at even if nothing was
	// noticed.
	Resync time.Duration
	// Observe plans and logs, and executes nothing.
	Observe bool
	Metrics *Metrics // may be nil
	Logger  logrus.FieldLogger
	// Seen, if set, is told of clusters that may be asleep, whenever clusters are observed: ids are those that were, none: all.
	Seen func(now engine.Timestamp, sleepers []engine.Sleeper, ids []string)
	// Step, if set, is called with the name of each step of the apply phase before it is
	// taken, for fault tests.
	Step func(step string)
}

// Steps are the names that Config.Step is called with, in the order in which an action
// goes through them: the intention, the last look, the statement, the cluster's state, the outcome, the end.
var Steps = []string{stepBegin, stepLook, stepExecute, stepState, stepFinish, stepDone}

const (
	stepBegin   = "begin"
	stepLook    = "look"
	stepExecute = "execute"
	stepState   = "state"
	stepFinish  = "finish"
	stepDone    = "done"
)

// Reconciler brings clusters to what their strategies say. It is level-triggered: whatever leads to
// a look, what is done follows from what is stored and observed then. Per
// cluster there is one look that acts at a time. Methods are safe for concurrent use.
type Reconciler struct {
	cfg        Config
	schedule   *schedule
	intentions intentions
	trouble    atomic.Pointer[error]
	planner    atomic.Pointer[engine.Planner]

	mu       sync.Mutex
	clusters map[string]*clusterWork
}

// New checks the configuration.
func New(cfg Config) (*Reconciler, error) {
	if cfg.Observer == nil || cfg.Executor == nil || cfg.Recorder == nil || cfg.Planner.Registry == nil || cfg.Logger == nil {
		return nil, errors.New("reconciler: observer, executor, recorder, registry and logger are required")
	}
	if cfg.Resync <= 0 {
		cfg.Resync = DefaultResync
	}
	r := &Reconciler{cfg: cfg, schedule: newSchedule(), clusters: map[string]*clusterWork{}}
	r.intentions.unsettled = !cfg.Observe
	r.planner.Store(&cfg.Planner)
	return r, nil
}

// Alias changes the names for sizes. Looks that are under way go on as they began; all clusters are looked at anew.
func (r *Reconciler) Alias(aliases map[string]string) {
	planner := *r.planner.Load()
	planner.SizeAliases = aliases
	r.planner.Store(&planner)
	r.schedule.addAll(time.Now(), "resync")
}

// Trigger says why a look is taken, and who asked.
type Trigger struct {
	Kind        string // "statement", "apply", "event", "due", "retry", "resync"
	Role        string
	Application string
	Client      string // address
	SQLKind     string // "INSERT", "UPDATE", ...
	// Since is when the statement was sent that led to the look: actions that another look
	// took since then are reported as this one's.
	Since time.Time
}

// asked tells whether somebody waits for the result.
func (t Trigger) asked() bool {
	return t.Kind == "statement" || t.Kind == "apply" || t.Kind == TriggerWake
}

// TriggerWake is the Kind of a Trigger by a statement that needs a cluster which sleeps.
const TriggerWake = "wake"

// Outcome is what one look at one cluster led to.
type Outcome struct {
	Before  engine.ClusterState // as it was when the plan was made
	Plan    engine.ClusterPlan
	Now     engine.Timestamp // of the observation, by the server's clock
	Results []ActionResult   // actions that were tried, in order
	// Observe is set where nothing was executed because of observe mode.
	Observe bool
	// RetryAt is set while a failed action waits for its next try.
	RetryAt time.Time

	snapshot engine.Snapshot // that Before is from
	began    time.Time       // when the observation did
	reread   bool            // its strategies are as they were then
}

// ActionResult is an executed or failed action.
type ActionResult struct {
	engine.Action
	ActionID string
	Err      error // nil: executed
}

// Explain observes and plans, and does nothing else. With no clusters named, it is about all that
// have strategies.
func (r *Reconciler) Explain(ctx context.Context, clusterIDs ...string) (engine.Snapshot, engine.Plan, error) {
	read := r.cfg.Observer.Observe
	if i, ok := r.cfg.Observer.(Inspector); ok {
		read = i.Inspect
	}
	return r.explainBy(ctx, read, clusterIDs)
}

func (r *Reconciler) explainBy(ctx context.Context, read func(context.Context, ...string) (engine.Snapshot, error), clusterIDs []string) (engine.Snapshot, engine.Plan, error) {
	s, err := r.observeBy(ctx, read, clusterIDs)
	if err != nil {
		return engine.Snapshot{}, engine.Plan{}, err
	}
	if len(clusterIDs) == 0 {
		s.Clusters = slices.DeleteFunc(s.Clusters, func(c engine.ClusterState) bool { return len(c.Strategies)+len(c.Unapproved) == 0 })
	}
	return s, r.planner.Load().Plan(s), nil
}

func (r *Reconciler) observe(ctx context.Context, clusterIDs []string) (engine.Snapshot, error) {
	return r.observeBy(ctx, r.cfg.Observer.Observe, clusterIDs)
}

// reread observes with the strategies as they are now, where the observer lags behind.
func (r *Reconciler) reread(ctx context.Context, clusterIDs []string) (engine.Snapshot, error) {
	return r.observeBy(ctx, r.cfg.Observer.(Rereader).Reread, clusterIDs)
}

func (r *Reconciler) observeBy(ctx context.Context, read func(context.Context, ...string) (engine.Snapshot, error), clusterIDs []string) (engine.Snapshot, error) {
	s, err := read(ctx, clusterIDs...)
	if err == nil {
		s, err = r.admit(ctx, read, s, len(clusterIDs) == 0)
	}
	if err != nil {
		return engine.Snapshot{}, err
	}
	s.Observe = r.cfg.Observe
	for i := range s.Clusters {
		if c := &s.Clusters[i]; len(c.Failures) > 0 {
			r.work(c.ID).tellRetries(c, s.Now)
		}
	}
	return s, nil
}

// WhatIf plans twice: for what is there, and for what would be there after a
// change. s is the changed snapshot.
func (r *Reconciler) WhatIf(ctx context.Context, clusterIDs []string, change func(*engine.Snapshot)) (s engine.Snapshot, before, after engine.Plan, err error) {
	read := r.cfg.Observer.Observe
	if f, ok := r.cfg.Observer.(Foreseer); ok {
		read = f.Foresee
	}
	if s, before, err = r.explainBy(ctx, read, clusterIDs); err != nil {
		return s, before, after, err
	}
	s.Clusters = slices.Clone(s.Clusters)
	change(&s)
	return s, before, r.planner.Load().Plan(s), nil
}

// Look observes the named clusters (by id; none named: all that are concerned), plans, and
// acts. Outcomes are in the order of the snapshot. An error means that the world could not
// be read; actions that failed are in the outcomes.
func (r *Reconciler) Look(ctx context.Context, trigger Trigger, clusterIDs ...string) ([]Outcome, error) {
	if !r.leading() {
		return r.follow(ctx, trigger, clusterIDs)
	}
	outcomes, err := r.lookNow(ctx, trigger, clusterIDs)
	if errors.Is(err, errFenced) {
		return r.follow(ctx, trigger, clusterIDs)
	}
	return outcomes, err
}

func (r *Reconciler) lookNow(ctx context.Context, trigger Trigger, ids []string) ([]Outcome, error) {
	for _, id := range ids {
		r.work(id).concern()
	}
	if len(ids) == 1 { // together with others who want to look at it
		o, err := r.lookAt(ctx, trigger, ids[0], nil)
		if o == nil {
			return nil, err
		}
		return []Outcome{*o}, err
	}
	seen, err := r.survey(ctx, trigger.asked(), ids)
	if err != nil {
		return nil, err
	}
	return r.lookAtEach(ctx, trigger, seen, func(string) {})
}

// Trouble is why the last look at all clusters failed; nil: it did not.
func (r *Reconciler) Trouble() error {
	if err := r.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// leading tells whether this process is the one that acts.
func (r *Reconciler) leading() bool { return r.cfg.Leader == nil || r.cfg.Leader.Leading() }

func (r *Reconciler) step(name string) {
	if r.cfg.Step != nil {
		r.cfg.Step(name)
	}
}
