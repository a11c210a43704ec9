package materialize_test

import (
	"context"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
	"mzproxy/engine/strategy"
)

// rig is a reconciler that runs in front of a server.
type rig struct {
	*server
	cutter     *cutter
	client     *materialize.Client
	lease      *materialize.Lease
	reconciler *reconcile.Reconciler
	step       atomic.Pointer[func(string)]
	stop       func() // waits; may be called twice
}

type rigOptions struct {
	client  materialize.Config
	engine  reconcile.Config
	noLease bool
	stopped bool // do not run
}

// newRig starts a reconciler on the tables of a server's schema.
func newRig(t testing.TB, s *server, o rigOptions) *rig {
	t.Helper()
	r := &rig{server: s, cutter: newCutter(t, hostOf(t, s.dsn))}
	log := logrus.New()
	log.SetOutput(io.Discard)
	if testing.Verbose() {
		log.SetOutput(testWriter{t})
	}
	cfg := o.client
	cfg.Types = engine.NewRegistry(strategy.All()...).Types()
	cfg.DSN, cfg.Schema, cfg.Logger = r.cutter.dsn(s.dsn), s.schema, log
	cfg.HistoryEvery = time.Millisecond // the clock of a test may run faster than ours
	if cfg.Lag == 0 {
		cfg.Lag = -1
	}
	var err error
	if r.client, err = materialize.New(cfg); err != nil {
		t.Fatal(err)
	}
	if err := r.client.EnsureTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	ec := o.engine
	ec.Planner = engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}
	ec.Observer, ec.Executor, ec.Recorder, ec.Watcher, ec.Logger = r.client, r.client, r.client, r.client, log
	if !o.noLease {
		r.lease = r.client.NewLease()
		ec.Leader = r.lease
	}
	ec.Step = func(name string) {
		if f := r.step.Load(); f != nil {
			(*f)(name)
		}
	}
	if r.reconciler, err = reconcile.New(ec); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if !o.stopped {
		running.Go(func() { _ = r.reconciler.Run(ctx) })
	}
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			running.Wait()
			r.client.Close()
		})
	}
	t.Cleanup(r.stop)
	return r
}

// onStep calls f before the n-th time that a step is taken.
func (r *rig) onStep(step string, n int64, f func()) {
	var left atomic.Int64
	left.Store(n)
	hook := func(name string) {
		if name == step && left.Add(-1) == 0 {
			f()
		}
	}
	r.step.Store(&hook)
}

// awaitLead waits until the rig is the leader.
func (r *rig) awaitLead(t *testing.T) {
	t.Helper()
	until(t, "the lease is held", r.lease.Leading)
}

// hostOf is the address in a connection string.
func hostOf(t tb, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}

// serverDir is a directory that the server's user can reach, which t.TempDir is not for root.
func serverDir(t *testing.T) string {
	t.Helper()
	parent, err := os.MkdirTemp("", "mzproxy-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(parent, "data")
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	if w.t.Context().Err() == nil {
		w.t.Logf("%s %s", time.Now().Format("05.000"), p)
	}
	return len(p), nil
}
