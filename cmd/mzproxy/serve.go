package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

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
	Admin       string `default:"127.0.0.1:6433" help:"Address for /metrics and probes over HTTP; empty: none."`
	RelayOnly   bool   `help:"Be a bare relay: no controller, no tables; recognition still runs."`
	PrintConfig bool   `env:"-" help:"Print the settings as they count, secrets masked, with where each comes from, and end."`

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
	switch {
	case c.TLSRequired && p.tls == nil:
		return p, wrong("tls-required", errors.New("there is no certificate: set --tls-cert and --tls-key"))
	case c.MaxSessions < 0:
		return p, wrong("max-sessions", errors.New("less than 0"))
	case c.MaxSessionsPerAddress < 0:
		return p, wrong("max-sessions-per-address", errors.New("less than 0"))
	}
	p.proxy = proxy.Config{
		Upstream: upstream, RequireTLS: c.TLSRequired, MaxSessions: c.MaxSessions, MaxSessionsPerAddress: c.MaxSessionsPerAddress,
		StartupTimeout: c.StartupTimeout, MaxStartupPacket: c.MaxStartupPacket, KeepAlive: c.Keepalive, DrainTimeout: c.DrainTimeout,
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
	run, err := c.program(p, listeners, reload, log)
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
	wg.Go(func() { reload.run(side, hangup) })
	log.WithField("listen", listeners.clients.Addr().String()).WithField("version", version).Info("ready for clients")
	return run(ctx)
}

// program wires what serves clients.
func (c serveCmd) program(p prepared, l listeners, reload *reloader, log logrus.FieldLogger) (func(context.Context) error, error) {
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
		return func(ctx context.Context) error { return c.relay(ctx, server, l, reload) }, nil
	}
	a, err := newApp(appConfig{engine: c.engineFlags, aliases: c.SizeAlias, client: p.client, proxy: p.proxy, log: log})
	if err != nil {
		return nil, err
	}
	reload.apply, a.more = a.tune, reload.collectors()
	return func(ctx context.Context) error { return a.run(ctx, l.clients, l.admin) }, nil
}

// relay serves clients without an engine.
func (c serveCmd) relay(ctx context.Context, server *proxy.Server, l listeners, reload *reloader) error {
	var wg sync.WaitGroup
	adminCtx, stop := context.WithCancel(context.Background())
	var adminErr error
	if l.admin != nil {
		wg.Go(func() { adminErr = newAdmin(server, nil, reload.collectors()...).run(adminCtx, l.admin) })
	}
	err := server.Serve(ctx, l.clients)
	stop()
	wg.Wait()
	return errors.Join(err, adminErr)
}

// listeners are where the proxy is reached.
type listeners struct {
	clients net.Listener
	admin   net.Listener // nil: there is none
}
