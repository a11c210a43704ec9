package intercept

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// Engine decides and acts.
type Engine interface {
	Look(ctx context.Context, trigger engine.Trigger, clusterIDs ...string) ([]engine.Outcome, error)
	Explain(ctx context.Context, clusterIDs ...string) (engine.Snapshot, engine.Plan, error)
	WhatIf(ctx context.Context, clusterIDs []string, change func(*engine.Snapshot)) (s engine.Snapshot, before, after engine.Plan, err error)
}

// Catalog knows what a write is checked against.
type Catalog interface {
	Catalog(ctx context.Context) (engine.Catalog, error)
	Role(ctx context.Context, backendPID uint32) (engine.Role, error)
}

// Store keeps what the commands read and change.
type Store interface {
	Actions(ctx context.Context, f engine.ActionFilter) ([]engine.ActionRecord, error)
	ResetState(ctx context.Context, clusterIDs ...string) (int64, error)
	SetPause(ctx context.Context, clusterIDs []string, p engine.Pause) error
	ClearPause(ctx context.Context, clusterIDs []string) (int64, error)
}

// DefaultNoticeWait is how long a statement waits for the engine.
const DefaultNoticeWait = 10 * time.Second

// Config holds what an Interceptor works with.
type Config struct {
	Engine             Engine
	Catalog            Catalog
	Store              Store
	Registry           *engine.Registry
	SizeAliases        map[string]string
	EnableExperimental bool
	Schema             string // of the three tables
	Database           string // that sessions are in where the server does not report it
	NoticeWait         time.Duration
	Logger             logrus.FieldLogger
}

// Interceptor watches all sessions of a proxy.
type Interceptor struct {
	cfg  Config
	view view
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
)

// New checks the configuration. Close the interceptor in the end.
func New(cfg Config) (*Interceptor, error) {
	if cfg.Engine == nil || cfg.Catalog == nil || cfg.Store == nil || cfg.Registry == nil || cfg.Logger == nil {
		return nil, errors.New("intercept: engine, catalog, store, registry and logger are required")
	}
	if cfg.NoticeWait <= 0 {
		cfg.NoticeWait = DefaultNoticeWait
	}
	if cfg.Schema == "" {
		cfg.Schema = "public"
	}
	i := &Interceptor{cfg: cfg}
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

// RewriteStartup takes our setting out of the startup parameters: the server
// does not know it.
func (i *Interceptor) RewriteStartup(params map[string]string) map[string]string {
	rest := map[string]string{}
	for name, value := range params {
		if name == rewrite.NoticesSetting {
			continue
		}
		if name == "options" {
			value, _ = cutOption(value)
			if value == "" {
				continue
			}
		}
		rest[name] = value
	}
	return rest
}

// cutOption takes -c strategy.notices=x (also -cstrategy..., --strategy...) out of an
// options parameter and returns x.
func cutOption(options string) (rest, value string) {
	words := strings.Fields(options)
	var kept []string
	for n := 0; n < len(words); n++ {
		setting, dashC := words[n], false
		switch {
		case setting == "-c" && n+1 < len(words):
			setting, dashC = words[n+1], true
		case strings.HasPrefix(setting, "--"):
			setting = setting[2:]
		case strings.HasPrefix(setting, "-c"):
			setting = setting[2:]
		}
		name, v, ok := strings.Cut(setting, "=")
		if ok && strings.EqualFold(name, rewrite.NoticesSetting) {
			value = v
		} else {
			kept = append(kept, words[n])
			if dashC {
				kept = append(kept, words[n+1])
			}
		}
		if dashC {
			n++
		}
	}
	if value == "" {
		return options, ""
	}
	return strings.Join(kept, " "), value
}

// Open watches a session.
func (i *Interceptor) Open(_ context.Context, s *proxy.Session) (proxy.Handler, error) {
	info := s.Info()
	h := &handler{Interceptor: i, session: s, info: info, prepared: map[string]*rewrite.Statement{}}
	h.log = i.cfg.Logger.WithField("session", info.ID)
	level := info.Startup[rewrite.NoticesSetting]
	if _, option := cutOption(info.Startup["options"]); option != "" {
		level = option
	}
	h.settings = newSettings(level)
	return h, nil
}

// Session is what a handler asks of its session.
type session interface {
	Info() proxy.SessionInfo
	Parameter(name string) string
}
