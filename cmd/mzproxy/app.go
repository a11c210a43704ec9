package main

import (
	"cmp"
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
	"mzproxy/engine/strategy"
	"mzproxy/proxy"
	"mzproxy/proxy/intercept"
)

// app is the proxy with its engine.
type app struct {
	log         logrus.FieldLogger
	client      *materialize.Client
	reconciler  *reconcile.Reconciler
	lease       *materialize.Lease // nil: who only observes leaves the lead to others
	ready       *readiness
	told        *told
	metrics     *reconcile.Metrics
	interceptor *intercept.Interceptor
	server      *proxy.Server
	more        []prometheus.Collector // what else is measured
	token       string                 // that the status page asks for; empty: none
	print       func(text string)      // tells whoever started it what to paste
	tables      chan struct{}          // closed once the tables are there
	tried       chan struct{}          // closed once they were looked for
}

// appConfig is what an app is made of.
type appConfig struct {
	engine  engineFlags
	aliases map[string]string
	client  materialize.Config
	proxy   proxy.Config
	log     logrus.FieldLogger
	reload  *reloader // nil: the settings are fixed
}

// newApp wires the parts. Nothing runs yet.
func newApp(cfg appConfig) (*app, error) {
	f, log := cfg.engine, cfg.log
	registry := engine.NewRegistry(strategy.All()...)
	cfg.client.Types, cfg.client.EnableExperimental, cfg.client.Logger = registry.Types(), f.EnableExperimental, log
	cfg.client.HistoryEvery, cfg.client.Tunables = f.historyEvery, f.tunables()
	uses := &intercept.Uses{}
	cfg.client.Activity = uses
	client, err := materialize.New(cfg.client)
	if err != nil {
		return nil, err
	}
	var lease *materialize.Lease
	var leader reconcile.Leader
	if !f.Observe {
		lease = client.NewLease()
		leader = lease
	}
	metrics := reconcile.NewMetrics()
	approvals := materialize.NewApprovals(client)
	reconciler, err := reconcile.New(reconcile.Config{
		Planner:  engine.Planner{Registry: registry, SizeAliases: cfg.aliases},
		Observer: client, Executor: metrics.Executor(client), Recorder: client, Watcher: metrics.Watcher(client), Metrics: metrics, Leader: leader, Authority: approvals,
		Resync: f.Resync, Observe: f.Observe, Logger: log, Step: onStep, Seen: uses.Saw,
	})
	if err != nil {
		return nil, err
	}
	self := &told{reload: cfg.reload, began: time.Now()}
	interceptor, err := intercept.New(intercept.Config{
		Engine: reconciler, Catalog: client, Store: client, Approvals: approvals, MaxRows: f.MaxRowsPerCluster, Registry: registry, Tunables: f.ofSessions(cfg.aliases), Leading: leading(leader), Proxy: self,
		EnableExperimental: f.EnableExperimental, Schema: cfg.client.Schema, Database: client.Database(), Logger: log,
		Uses: uses,
	})
	if err != nil {
		return nil, err
	}
	cfg.proxy.Interceptor = interceptor
	server, err := proxy.NewServer(cfg.proxy)
	if err != nil {
		return nil, err
	}
	ready := &readiness{ping: client.Ping, trouble: func() error {
		if err := cmp.Or(client.Trouble(), reconciler.Trouble()); err != nil {
			return errors.New("the controller cannot look at the clusters: " + reconcile.Mended(err))
		}
		return nil
	}}
	self.app = &app{ready: ready, told: self, log: log, client: client, reconciler: reconciler, lease: lease, metrics: metrics, interceptor: interceptor, server: server,
		print: func(string) {}, tables: make(chan struct{}), tried: make(chan struct{})}
	return self.app, nil
}

// leading tells whether this proxy is the one that acts, or would be.
func leading(l reconcile.Leader) func() bool {
	if l == nil {
		return func() bool { return true }
	}
	return l.Leading
}

// tune takes over what may change while the app runs.
func (a *app) tune(c serveCmd) error {
	if err := a.interceptor.Tune(c.ofSessions(c.SizeAlias)); err != nil {
		return err
	}
	a.client.Tune(c.tunables())
	a.server.Limit(c.MaxSessions, c.MaxSessionsPerAddress)
	a.reconciler.Alias(c.SizeAlias)
	return nil
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
		side := newAdmin(a.server, a.ready, a.collectors()...)
		side.page = &page{overview: a.interceptor.Overview, proxy: a.told, token: a.token}
		if a.token == "" && beyondLoopback(adminListener.Addr()) {
			a.log.WithField("admin", adminListener.Addr().String()).Warn("others than this machine can read the status page: set --admin-token, or listen on a loopback address")
		}
		wg.Go(func() { adminErr = side.run(engineCtx, adminListener) })
	}
	stopped := context.AfterFunc(ctx, a.ready.end)
	defer stopped()
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

// collectors are all metrics but those of the program itself.
func (a *app) collectors() []prometheus.Collector {
	list := append(append(a.client.Collectors(), a.metrics, a.interceptor), a.more...)
	if a.lease != nil {
		list = append(list, a.lease.Collectors()...)
	}
	return list
}

// How long clients wait at most for the controller's first contact with the server.
const tablesPatience = 3 * time.Second

// runEngine makes sure that the tables are there, and reconciles.
func (a *app) runEngine(ctx context.Context) {
	tried := sync.OnceFunc(func() { close(a.tried) })
	printed := false
	for wait := time.Second; ; wait = min(2*wait, 30*time.Second) {
		err := a.client.EnsureTables(ctx)
		tried()
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return
		}
		a.ready.begin(errors.New("the controller cannot work yet: " + reconcile.Said(err)))
		a.log.WithError(err).Error("the controller cannot work yet; trying again")
		var tables *materialize.TablesError
		if errors.As(err, &tables) && !printed {
			a.print("-- To be run by a role that may:\n" + pasted(tables.Statements))
			printed = true
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
	a.ready.begin(nil)
	close(a.tables)
	if err := a.reconciler.Run(ctx); err != nil {
		a.log.WithError(err).Error("reconciler ended")
	}
}

// onStep is called at each step of an action; nil: nothing is. Tests of what survives a crash set it.
var onStep func(step string)
