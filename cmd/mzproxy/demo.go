package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine/materialize"
	"mzproxy/proxy"
	"mzproxy/proxy/mzsim"
)

type demoCmd struct {
	logFlags

	Listen      string        `default:"127.0.0.1:6432" help:"Address for clients; where it is taken, a free port is used."`
	Admin       string        `default:"127.0.0.1:6433" help:"Address for /metrics, /healthz and /readyz over HTTP, or a free port; empty: none."`
	Hydration   time.Duration `default:"3s" help:"Time from online to hydrated at one worker."`
	Startup     time.Duration `default:"500ms" help:"Time from created to online."`
	Lag         time.Duration `default:"0s" help:"How late the catalog shows sessions, statuses, hydration, usage and history."`
	ReadCost    time.Duration `default:"0s" help:"How long a read takes for which Materialize builds a dataflow; one that an index answers takes a tenth of it."`
	TrustRows   string        `default:"auto" enum:"auto,always,approved" help:"Which rows of mz_cluster_strategies count (${enum})."`
	PostgresBin string        `env:"MZSIM_POSTGRES_BIN" placeholder:"DIR" help:"Where PostgreSQL's server binaries are."`
	version     string        // of the Materialize that the stand-in plays; empty: the latest
	ExitAfter   string        `placeholder:"CMD" help:"Run CMD by the shell with PGHOST, PGPORT, PGUSER and PGDATABASE set, and exit with its status."`
}

// The demo's logins.
const (
	demoUser     = "materialize"
	demoDatabase = "materialize"
)

// How long the stand-in may take until strategies work.
const demoPatience = 30 * time.Second

// Run starts the stand-in and the proxy.
func (c demoCmd) Run(ctx context.Context, s streams) error {
	if c.LogLevel == "info" {
		c.LogLevel = "warn" // the terminal is for psql's line
	}
	fmt.Fprintln(s.err, "starting PostgreSQL and the stand-in ...")
	d, err := c.start(ctx, c.logger(s))
	if err != nil {
		return err
	}
	return errors.Join(c.use(ctx, s, d), d.close())
}

// demoLease is the term of the lease: whoever tries two proxies on one stand-in does not wait half a minute for the other one.
const demoLease = 10 * time.Second

// demo is a stand-in with the proxy in front of it. Whoever starts it closes it.
type demo struct {
	sim   *mzsim.Sim
	app   *app
	addr  *net.TCPAddr // of the proxy
	admin net.Addr     // nil: it has none
	stop  context.CancelFunc
	done  chan error
}

// start starts both and returns when strategies work.
func (c demoCmd) start(ctx context.Context, log logrus.FieldLogger) (*demo, error) {
	sim, err := mzsim.Start(ctx, mzsim.Config{Hydration: c.Hydration, Startup: c.Startup, Lag: c.Lag, ReadCost: c.ReadCost, Superuser: true, PostgresBin: c.PostgresBin, Version: c.version, Logger: log})
	if err != nil {
		return nil, err
	}
	d := &demo{sim: sim, done: make(chan error, 1)}
	if err := d.serve(ctx, c, log); err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// serve makes the sample clusters and starts the proxy.
func (d *demo) serve(ctx context.Context, c demoCmd, log logrus.FieldLogger) error {
	if err := mzsim.Sample(ctx, d.sim.Addr()); err != nil {
		return err
	}
	ln, err := listenDemo(c.Listen)
	if err != nil {
		return err
	}
	d.addr = ln.Addr().(*net.TCPAddr)
	var admin net.Listener
	if c.Admin != "" {
		if admin, err = listenDemo(c.Admin); err != nil {
			return err
		}
		d.admin = admin.Addr()
	}
	dsn := fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", demoUser, d.sim.Addr(), demoDatabase)
	upstream, err := proxy.ParseUpstream(dsn)
	if err != nil {
		return err
	}
	// The stand-in's clock can be made to run ahead, and its history is cheap to read.
	d.app, err = newApp(appConfig{
		engine: engineFlags{Resync: time.Minute, EnableExperimental: true, historyEvery: 100 * time.Millisecond},
		client: materialize.Config{DSN: dsn, ControlCluster: "quickstart", Schema: "public", Trust: materialize.Trust(c.TrustRows), Lease: demoLease},
		proxy:  proxy.Config{Upstream: upstream, Logger: log, DrainTimeout: time.Second}, log: log,
	})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	go func() { d.done <- d.app.run(running, ln, admin) }()
	select {
	case <-d.app.tables:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(demoPatience):
		return errors.New("the stand-in does not answer")
	}
}

// close ends the proxy, then the stand-in.
func (d *demo) close() error {
	var err error
	if d.stop != nil {
		d.stop()
		err = <-d.done
	}
	return errors.Join(err, d.sim.Close())
}

// use runs the command, or says how to connect and waits for a signal.
func (c demoCmd) use(ctx context.Context, s streams, d *demo) error {
	addr := d.addr
	if c.ExitAfter == "" {
		fmt.Fprintf(s.out, "\nClusters prod, staging and cluster-123 are there, without replicas. Connect with\n\n    psql -h %s -p %d -U %s %s\n\nand try SHOW STRATEGY HELP.", addr.IP, addr.Port, demoUser, demoDatabase)
		if d.admin != nil {
			fmt.Fprintf(s.out, " Metrics are at http://%s/metrics.", d.admin)
		}
		fmt.Fprintln(s.out, " Ctrl-C ends the demo.")
		<-ctx.Done()
		return nil
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", c.ExitAfter)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.in, s.out, s.err
	cmd.Env = append(os.Environ(), "PGHOST="+addr.IP.String(), fmt.Sprintf("PGPORT=%d", addr.Port), "PGUSER="+demoUser, "PGDATABASE="+demoDatabase)
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exitStatus(exit.ExitCode())
	}
	return err
}

// listenDemo listens where it is asked to, or on a free port.
func listenDemo(address string) (net.Listener, error) {
	ln, err := net.Listen("tcp", address)
	if err == nil {
		return ln, nil
	}
	host, _, splitErr := net.SplitHostPort(address)
	if splitErr != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return net.Listen("tcp", net.JoinHostPort(host, "0"))
}
