package intercept

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// Engine decides and acts.
type Engine interface {
	Look(ctx context.Context, trigger reconcile.Trigger, clusterIDs ...string) ([]reconcile.Outcome, error)
	Explain(ctx context.Context, clusterIDs ...string) (engine.Snapshot, engine.Plan, error)
	WhatIf(ctx context.Context, clusterIDs []string, change func(*engine.Snapshot)) (s engine.Snapshot, before, after engine.Plan, err error)
}

// Catalog knows what a write is checked against. What it tells may be a moment old.
type Catalog interface {
	Catalog(ctx context.Context) (engine.Catalog, error)
	// Now is Catalog of no earlier moment than the call.
	Now(ctx context.Context) (engine.Catalog, error)
	// Find asks the server for the clusters that a text means, as id or as name.
	Find(ctx context.Context, text string) ([]engine.ClusterInfo, error)
	// Touch says that clusters may have been changed: who looks at them next sees no earlier moment.
	Touch()
	// Role is the role that a user name which the server accepted at login stands for.
	Role(ctx context.Context, user string) (engine.Role, error)
	MayRead(ctx context.Context, r engine.Role, table string) (bool, error)
	// MaySeeUse tells whether a role could read on the server when clusters were used.
	MaySeeUse(ctx context.Context, r engine.Role) (bool, error)
	// MayWrite tells whether a role holds INSERT, UPDATE or DELETE on the table of the strategies.
	MayWrite(ctx context.Context, r engine.Role, privilege string) (bool, error)
}

// Rememberer is an Engine that knows what it has seen.
type Rememberer interface {
	// Stored returns the rows of a cluster as they were last seen, and whether they were.
	Stored(clusterID string) ([]engine.StrategyRow, bool)
}

// Proxy tells of the program around the sessions.
type Proxy interface {
	// Status is how it is, by names of the proxy's own.
	Status() []Setting
	// Settings are what it runs with, secrets masked.
	Settings() []Setting
	Version() string
	Clients() []proxy.SessionInfo
}

// Setting is something that the proxy tells of itself.
type Setting struct {
	Name, Value string
	Source      string // of a setting: where it comes from
}

// Store keeps what the commands read and change.
type Store interface {
	Actions(ctx context.Context, f reconcile.ActionFilter) ([]reconcile.ActionRecord, error)
	ResetState(ctx context.Context, clusterIDs ...string) (int64, error)
	SetPause(ctx context.Context, clusterIDs []string, p engine.Pause) error
	ClearPause(ctx context.Context, clusterIDs []string) (int64, error)
	RecordChanges(ctx context.Context, changes []reconcile.ChangeRecord) error
	Changes(ctx context.Context, f reconcile.ActionFilter) ([]reconcile.ChangeRecord, error)
}

// DefaultNoticeWait is how long a statement waits for the engine.
const DefaultNoticeWait = 10 * time.Second

// Config holds what an Interceptor works with.
type Config struct {
	Engine             Engine
	Catalog            Catalog
	Store              Store
	Approvals          Approvals // nil: every row counts
	Registry           *engine.Registry
	Tunables           Tunables // to begin with
	EnableExperimental bool
	Schema             string // of the proxy's tables
	Database           string // of the proxy's tables; empty: the one that a session is in
	NoticeWait         time.Duration
	MaxRows            int         // of a cluster in the table; 0 means DefaultMaxRows
	Uses               *Uses       // where sessions show what they use; nil: nobody wants to know
	Proxy              Proxy       // may be nil
	Leading            func() bool // whether this proxy tells of clusters in its metrics, which others would tell, too; nil: it does
	Logger             logrus.FieldLogger
}

// Interceptor watches all sessions of a proxy.
type Interceptor struct {
	cfg     Config
	view    view
	metrics metrics
	rows    rowCounts

	tunables atomic.Pointer[Tunables]
	// looks counts the looks that go on behind.
	looks sync.WaitGroup
	// life ends with Close: looks run on it, so that neither a cancel request
	// nor a client that goes ends the work.
	life context.Context //nolint:containedctx // the life of the interceptor itself
	end  context.CancelFunc
}

var (
	_ proxy.Interceptor     = (*Interceptor)(nil)
	_ proxy.StartupRewriter = (*Interceptor)(nil)
	_ proxy.Handler         = (*handler)(nil)
	_ proxy.Greeter         = (*handler)(nil)
	_ proxy.Committer       = (*handler)(nil)

	_ proxy.Waker             = (*handler)(nil)
	_ proxy.ParameterRewriter = (*handler)(nil)
)

// New checks the configuration. Close the interceptor in the end.
func New(cfg Config) (*Interceptor, error) {
	if cfg.Engine == nil || cfg.Catalog == nil || cfg.Store == nil || cfg.Registry == nil || cfg.Logger == nil {
		return nil, errors.New("intercept: engine, catalog, store, registry and logger are required")
	}
	if cfg.NoticeWait <= 0 {
		cfg.NoticeWait = DefaultNoticeWait
	}
	if cfg.MaxRows <= 0 {
		cfg.MaxRows = DefaultMaxRows
	}
	if cfg.Schema == "" {
		cfg.Schema = "public"
	}
	if cfg.Uses == nil {
		cfg.Uses = &Uses{}
	}
	if cfg.Leading == nil {
		cfg.Leading = func() bool { return true }
	}
	i := &Interceptor{cfg: cfg, metrics: newMetrics()}
	if err := i.Tune(cfg.Tunables); err != nil {
		return nil, err
	}
	i.life, i.end = context.WithCancel(context.Background())
	return i, nil
}

// Close waits for looks that go on behind, for some seconds, and ends them then.
func (i *Interceptor) Close() {
	done := make(chan struct{})
	go func() { i.looks.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
	}
	i.end()
	<-done
}

// Open watches a session.
func (i *Interceptor) Open(_ context.Context, s *proxy.Session) (proxy.Handler, error) {
	return i.open(s), nil
}

// NonBlocking implements proxy.NonBlocking: a handler asks the engine first when there is a statement of its own.
func (i *Interceptor) NonBlocking() {}

func (i *Interceptor) open(s session) *handler {
	info := s.Info()
	h := &handler{Interceptor: i, session: s, info: info}
	h.log = i.cfg.Logger.WithField("session", info.ID)
	var err error
	if h.settings, err = newSettings(info.Startup, i.tunables.Load().Notices); err != nil {
		h.greeting = h.settings.audible([]*proxy.Notice{unset(err)})
	}
	if h.settings.notices() != h.settings.standard || h.settings.get(rewrite.MinMessages, "") != "" {
		h.watchful()
	}
	h.cluster = s.Parameter("cluster")
	h.ignored.Store(i.tunables.Load().Ignore.ignores(info.User, s.Parameter("application_name")))
	i.cfg.Uses.open(h)
	return h
}

// unset tells that a startup setting does not count.
func unset(err error) *proxy.Notice {
	n := notice(severityWarning, codeInvalidValue, fmt.Sprintf("startup setting %q not set", rewrite.NoticesSetting), "", "")
	var e *proxy.Error
	if errors.As(err, &e) {
		n.Detail, n.Hint = sentence(e.Message), e.Hint
	}
	return n
}

// A session is what a handler asks of its session.
type session interface {
	Info() proxy.SessionInfo
	Parameter(name string) string
	Use() (now bool, ended time.Time)
}
