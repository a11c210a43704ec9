package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sirupsen/logrus"

	"mzproxy/engine/materialize"
	"mzproxy/proxy"
)

type serveCmd struct {
	controllerFlags
	engineFlags
	logFlags

	Listen      string `default:"127.0.0.1:6432" help:"Address for clients."`
	ReusePort   bool   `help:"Let another process listen on the same address, which takes over when this one ends."`
	Admin       string `default:"127.0.0.1:6433" help:"Address for the status page, /metrics and probes over HTTP; empty: none."`
	AdminToken  string `secret:"" placeholder:"TOKEN" help:"What whoever looks at the status page has to show, as a password or bearer."`
	RelayOnly   bool   `help:"Be a bare relay: no controller, no tables; recognition still runs."`
	PrintConfig bool   `env:"-" help:"Print the settings as they count, secrets masked, with where each comes from, and end."`

	TLSCert     string `name:"tls-cert" placeholder:"FILE" help:"Certificate towards clients."`
	TLSKey      string `name:"tls-key" placeholder:"FILE" help:"Its key."`
	TLSClientCA string `name:"tls-client-ca" placeholder:"FILE" help:"CA that client certificates have to come from; implies --tls-required."`
	TLSRequired bool   `name:"tls-required" help:"Refuse clients that do not encrypt."`

	MaxSessions           int           `default:"10000" help:"Sessions at one time."`
	MaxSessionsPerAddress int           `default:"0" help:"Sessions of one client address; 0: a quarter of --max-sessions."`
	StartupTimeout        time.Duration `default:"60s" help:"Time for startup and authentication."`
	MaxStartupPacket      int           `default:"10000" help:"Bytes of a client's first packet."`
	Keepalive             time.Duration `default:"60s" help:"Interval of TCP keepalive on both sides; negative: off."`
	DrainTimeout          time.Duration `default:"30s" help:"How long running sessions may go on after SIGTERM."`
}

// youth is how old a session has to be to be ended as idle at a shutdown.
const youth = 2 * time.Second

// prepared are settings in the form in which they are used.
type prepared struct {
	proxy  proxy.Config // without what is made at the start
	client materialize.Config
	tls    *tls.Config // nil: clients cannot encrypt
}

// prepare checks what the form of the settings does not tell.
func (c serveCmd) prepare() (p prepared, err error) {
	if err := c.engineFlags.check(); err != nil {
		return p, err
	}
	upstream, err := c.upstream()
	if err != nil {
		return p, err
	}
	if p.client, err = c.client(); err != nil {
		return p, err
	}
	for host := &upstream; host != nil; host = host.Next {
		host.Probe = func(ctx context.Context, address string) (state proxy.HostState, err error) {
			state.Standby, state.ReadOnly, err = p.client.Host(ctx, address)
			return state, err
		}
	}
	if c.TLSCert != "" || c.TLSKey != "" || c.TLSClientCA != "" {
		if p.tls, err = proxy.NewClientTLS(c.TLSCert, c.TLSKey, c.TLSClientCA, nil); err != nil {
			return p, wrong("tls-cert", err)
		}
	}
	required := c.TLSRequired || c.TLSClientCA != "" // who has to show a certificate cannot come in plaintext
	switch {
	case required && p.tls == nil:
		return p, wrong("tls-required", errors.New("there is no certificate: set --tls-cert and --tls-key"))
	case c.MaxSessions < 0:
		return p, wrong("max-sessions", errors.New("less than 0"))
	case c.MaxSessionsPerAddress < 0:
		return p, wrong("max-sessions-per-address", errors.New("less than 0"))
	}
	p.proxy = proxy.Config{
		Upstream: upstream, RequireTLS: required, MaxSessions: c.MaxSessions, MaxSessionsPerAddress: c.MaxSessionsPerAddress,
		StartupTimeout: c.StartupTimeout, MaxStartupPacket: c.MaxStartupPacket, KeepAlive: c.Keepalive, DrainTimeout: c.DrainTimeout, Youth: min(youth, c.DrainTimeout/2),
	}
	return p, nil
}

// Run is the proxy, until a signal comes.
func (c serveCmd) Run(ctx context.Context, s streams, l *loaded) error {
	p, err := c.prepare()
	if err != nil {
		return err
	}
	if c.PrintConfig {
		return l.printConfig(s.out)
	}
	log := c.logger(s)
	reload := newReloader(s.args, l, log)
	if p.tls != nil {
		reload.tls.use(p.tls)
	}
	p.proxy.Logger, p.proxy.ClientTLS = log, reload.tls.config()
	listeners, err := c.listen(ctx)
	if err != nil {
		return err
	}
	run, err := c.program(p, listeners, reload, log, func(text string) { fmt.Fprint(s.err, text) })
	if err != nil {
		return err
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	var wg sync.WaitGroup
	defer wg.Wait()
	side, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	reload.notify = notifier(log)
	wg.Go(func() { reload.run(side, hangup) })
	c.started(log, listeners, p)
	reload.notify("READY=1")
	context.AfterFunc(ctx, func() {
		reload.notify("STOPPING=1")
		log.WithField("drain_timeout", c.DrainTimeout.String()).Info("shutting down: no new clients, and sessions end when they are idle")
	})
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	context.AfterFunc(ctx, func() {
		listeners.leave()
		end()
	})
	err = run(serving)
	log.Info("shut down")
	return err
}

// started tells the log what has started, and where.
func (c serveCmd) started(log logrus.FieldLogger, l listeners, p prepared) {
	fields := logrus.Fields{"version": version, "listen": l.clients.Addr().String(), "upstream": p.proxy.Upstream.Address}
	if l.admin != nil {
		fields["admin"] = l.admin.Addr().String()
	}
	switch {
	case c.RelayOnly:
		fields["mode"] = "relay only"
	case c.Observe:
		fields["mode"] = "observe"
	default:
		fields["mode"] = "act"
	}
	if user := p.client.User(); !c.RelayOnly && user != "" {
		fields["controller"] = user
	}
	log.WithFields(fields).Info("ready for clients")
}

// program wires what serves clients.
func (c serveCmd) program(p prepared, l listeners, reload *reloader, log logrus.FieldLogger, print func(string)) (func(context.Context) error, error) {
	sessions := newSessionMetrics()
	p.proxy.Monitor = sessions
	if c.RelayOnly {
		p.proxy.Interceptor, p.proxy.Replication = recognition{}, true
		server, err := proxy.NewServer(p.proxy)
		if err != nil {
			return nil, err
		}
		reload.apply = func(c serveCmd) error {
			server.Limit(c.MaxSessions, c.MaxSessionsPerAddress)
			return nil
		}
		return func(ctx context.Context) error {
			return c.relay(ctx, server, l, append(reload.collectors(), sessions.collectors()...), p.proxy.Upstream)
		}, nil
	}
	a, err := newApp(appConfig{engine: c.engineFlags, aliases: c.SizeAlias, client: p.client, proxy: p.proxy, log: log, reload: reload})
	if err != nil {
		return nil, err
	}
	a.token = c.AdminToken
	reload.apply, a.more, a.print = a.tune, append(reload.collectors(), sessions.collectors()...), print
	return func(ctx context.Context) error { return a.run(ctx, l.clients, l.admin) }, nil
}

// relay serves clients without an engine.
func (c serveCmd) relay(ctx context.Context, server *proxy.Server, l listeners, measured []prometheus.Collector, upstream proxy.Upstream) error {
	var wg sync.WaitGroup
	adminCtx, stop := context.WithCancel(context.Background())
	var adminErr error
	ready := &readiness{ping: upstream.Ping}
	ready.begin(nil)
	stopped := context.AfterFunc(ctx, ready.end)
	defer stopped()
	if l.admin != nil {
		wg.Go(func() { adminErr = newAdmin(server, ready, measured...).run(adminCtx, l.admin) })
	}
	err := server.Serve(ctx, l.clients)
	stop()
	wg.Wait()
	return errors.Join(err, adminErr)
}
