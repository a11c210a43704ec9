package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
	"mzproxy/engine/strategy"
	"mzproxy/proxy"
	"mzproxy/proxy/intercept"
)

type serveCmd struct {
	engineFlags
	logFlags

	Listen     string `default:"127.0.0.1:6432" help:"Address for clients."`
	Upstream   string `required:"" placeholder:"URL" help:"The server: postgres://user:password@host:port/database?sslmode=...; host, port and TLS for client sessions, all of it for the controller."`
	Controller string `placeholder:"URL" help:"Another connection string for the controller."`
	Admin      string `default:"127.0.0.1:6433" help:"Address for /metrics, /healthz and /readyz; empty: none."`
	RelayOnly  bool   `help:"Be a bare relay: no controller, no tables; recognition still runs."`

	TLSCert     string `name:"tls-cert" placeholder:"FILE" help:"Certificate towards clients."`
	TLSKey      string `name:"tls-key" placeholder:"FILE" help:"Its key."`
	TLSClientCA string `name:"tls-client-ca" placeholder:"FILE" help:"CA that client certificates have to come from."`
	TLSRequired bool   `name:"tls-required" help:"Refuse clients that do not encrypt."`

	MaxSessions           int           `default:"10000" help:"Sessions at one time."`
	MaxSessionsPerAddress int           `default:"0" help:"Sessions of one client address; 0: no bound."`
	StartupTimeout        time.Duration `default:"60s" help:"Time for startup and authentication."`
	MaxStartupPacket      int           `default:"10000" help:"Bytes of a client's first packet."`
	Keepalive             time.Duration `default:"60s" help:"Interval of TCP keepalive on both sides; negative: off."`
	DrainTimeout          time.Duration `default:"30s" help:"How long running sessions may go on after SIGTERM."`
}

// Run is the proxy, until a signal comes.
func (c serveCmd) Run(ctx context.Context, s streams) error {
	log := c.logger(s)
	upstream, err := proxy.ParseUpstream(c.Upstream)
	if err != nil {
		return err
	}
	var clientTLS *tls.Config
	if c.TLSCert != "" || c.TLSKey != "" || c.TLSClientCA != "" {
		if clientTLS, err = proxy.NewClientTLS(c.TLSCert, c.TLSKey, c.TLSClientCA, log); err != nil {
			return err
		}
	}
	cfg := proxy.Config{
		Upstream: upstream, Logger: log, ClientTLS: clientTLS, RequireTLS: c.TLSRequired,
		MaxSessions: c.MaxSessions, MaxSessionsPerAddress: c.MaxSessionsPerAddress,
		StartupTimeout: c.StartupTimeout, MaxStartupPacket: c.MaxStartupPacket, KeepAlive: c.Keepalive, DrainTimeout: c.DrainTimeout,
	}
	ln, err := (&net.ListenConfig{KeepAlive: -1}).Listen(ctx, "tcp", c.Listen) // the proxy sets keepalive itself
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	ready := func() {
		log.WithField("listen", ln.Addr().String()).WithField("version", version).Info("ready for clients")
	}
	if c.RelayOnly {
		cfg.Interceptor = recognition{}
		server, err := proxy.NewServer(cfg)
		if err != nil {
			return err
		}
		return c.relay(ctx, server, ln, ready)
	}
	a, err := newApp(c.engineFlags, controllerDSN(c.Controller, c.Upstream), cfg, log)
	if err != nil {
		return err
	}
	adminListener, err := c.listenAdmin(ctx)
	if err != nil {
		return err
	}
	ready()
	return a.run(ctx, ln, adminListener)
}

// relay serves clients without an engine.
func (c serveCmd) relay(ctx context.Context, server *proxy.Server, ln net.Listener, ready func()) error {
	adminListener, err := c.listenAdmin(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	adminCtx, stop := context.WithCancel(context.Background())
	var adminErr error
	if adminListener != nil {
		wg.Go(func() { adminErr = newAdmin(server, nil).run(adminCtx, adminListener) })
	}
	ready()
	err = server.Serve(ctx, ln)
	stop()
	wg.Wait()
	return errors.Join(err, adminErr)
}

// listenAdmin listens for operators and probes; nil if they are not wanted.
func (c serveCmd) listenAdmin(ctx context.Context) (net.Listener, error) {
	if c.Admin == "" {
		return nil, nil
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Admin)
	if err != nil {
		return nil, fmt.Errorf("admin: %w", err)
	}
	return ln, nil
}

// app is the proxy with its engine.
type app struct {
	log         logrus.FieldLogger
	client      *materialize.Client
	reconciler  *reconcile.Reconciler
	leader      reconcile.Leader // nil: who only observes leaves the lead to others
	metrics     *reconcile.Metrics
	interceptor *intercept.Interceptor
	server      *proxy.Server
	tables      chan struct{} // closed once the tables are there
	tried       chan struct{} // closed once they were looked for
}

// newApp wires the parts. Nothing runs yet.
func newApp(f engineFlags, dsn string, cfg proxy.Config, log logrus.FieldLogger) (*app, error) {
	registry := engine.NewRegistry(strategy.All()...)
	client, err := materialize.New(materialize.Config{
		Types: registry.Types(),
		DSN:   dsn, ControlCluster: f.ControlCluster, Schema: f.Schema, EnableExperimental: f.EnableExperimental, Logger: log,
		HistoryEvery: f.historyEvery,
	})
	if err != nil {
		return nil, err
	}
	var leader reconcile.Leader
	if !f.Observe {
		leader = client.NewLease()
	}
	metrics := reconcile.NewMetrics()
	reconciler, err := reconcile.New(reconcile.Config{
		Planner:  engine.Planner{Registry: registry, SizeAliases: f.SizeAlias},
		Observer: client, Executor: metrics.Executor(client), Recorder: client, Watcher: metrics.Watcher(client), Leader: leader,
		Resync: f.Resync, Observe: f.Observe, Logger: log, Step: onStep,
	})
	if err != nil {
		return nil, err
	}
	interceptor, err := intercept.New(intercept.Config{
		Engine: reconciler, Catalog: client, Store: client, Registry: registry,
		SizeAliases: f.SizeAlias, EnableExperimental: f.EnableExperimental, Schema: f.Schema, Database: client.Database(), Logger: log,
	})
	if err != nil {
		return nil, err
	}
	cfg.Interceptor = interceptor
	server, err := proxy.NewServer(cfg)
	if err != nil {
		return nil, err
	}
	return &app{log, client, reconciler, leader, metrics, interceptor, server, make(chan struct{}), make(chan struct{})}, nil
}

// run serves clients until ctx ends, and cleans up. The engine's own connection may come later: until
// then clients are served, and writes of strategies are refused. adminListener may be nil.
func (a *app) run(ctx context.Context, ln, adminListener net.Listener) error {
	defer a.client.Close()
	engineCtx, stopEngine := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { a.runEngine(engineCtx) })
	var adminErr error
	if adminListener != nil {
		wg.Go(func() {
			side := newAdmin(a.server, a.tables, append(a.client.Collectors(), a.metrics, a.interceptor, leaseHeld(a.leader))...)
			side.trouble = a.reconciler.Trouble
			adminErr = side.run(engineCtx, adminListener)
		})
	}
	select { // who connects at once finds the tables
	case <-a.tried:
	case <-ctx.Done():
	case <-time.After(tablesPatience):
	}
	err := a.server.Serve(ctx, ln)
	a.interceptor.Close()
	stopEngine()
	wg.Wait()
	return errors.Join(err, adminErr)
}

// How long clients wait at most for the controller's first contact with the server.
const tablesPatience = 3 * time.Second

// runEngine makes sure that the tables are there, and reconciles.
func (a *app) runEngine(ctx context.Context) {
	tried := sync.OnceFunc(func() { close(a.tried) })
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := a.client.EnsureTables(ctx)
		tried()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		a.log.WithError(err).Error("the controller cannot work yet; trying again")
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
	close(a.tables)
	if err := a.reconciler.Run(ctx); err != nil {
		a.log.WithError(err).Error("reconciler ended")
	}
}

// onStep is called at each step of an action; nil: nothing is. Tests of what survives a crash set it.
var onStep func(step string)
