package main

import (
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
	leader      reconcile.Leader // nil: who only observes leaves the lead to others
	metrics     *reconcile.Metrics
	interceptor *intercept.Interceptor
	server      *proxy.Server
	more        []prometheus.Collector // what else is measured
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
	var leader reconcile.Leader
	if !f.Observe {
		leader = client.NewLease()
	}
	metrics := reconcile.NewMetrics()
	approvals := materialize.NewApprovals(client)
	reconciler, err := reconcile.New(reconcile.Config{
		Planner:  engine.Planner{Registry: registry, SizeAliases: cfg.aliases},
		Observer: client, Executor: metrics.Executor(client), Recorder: client, Watcher: metrics.Watcher(client), Leader: leader, Authority: approvals,
		Resync: f.Resync, Observe: f.Observe, Logger: log, Step: onStep, Seen: uses.Saw,
	})
	if err != nil {
		return nil, err
	}
	interceptor, err := intercept.New(intercept.Config{
		Engine: reconciler, Catalog: client, Store: client, Approvals: approvals, Registry: registry, Tunables: f.ofSessions(cfg.aliases),
		EnableExperimental: f.EnableExperimental, Schema: cfg.client.Schema, Database: client.Database(), Logger: log,
		Uses: uses, Ignore: f.ignored(),
	})
	if err != nil {
		return nil, err
	}
	cfg.proxy.Interceptor = interceptor
	server, err := proxy.NewServer(cfg.proxy)
	if err != nil {
		return nil, err
	}
	return &app{log: log, client: client, reconciler: reconciler, leader: leader, metrics: metrics, interceptor: interceptor, server: server,
		tables: make(chan struct{}), tried: make(chan struct{})}, nil
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
		wg.Go(func() {
			side := newAdmin(a.server, a.tables, append(append(a.client.Collectors(), a.metrics, a.interceptor, leaseHeld(a.leader)), a.more...)...)
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
