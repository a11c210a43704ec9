package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/mzsim"
)

type demoCmd struct {
	logFlags

	Listen      string        `default:"127.0.0.1:6432" help:"Address for clients; where it is taken, a free port is used."`
	Hydration   time.Duration `default:"3s" help:"Time from online to hydrated at one worker."`
	Startup     time.Duration `default:"500ms" help:"Time from created to online."`
	PostgresBin string        `env:"MZSIM_POSTGRES_BIN" placeholder:"DIR" help:"Where PostgreSQL's server binaries are."`
	ExitAfter   string        `placeholder:"CMD" help:"Run CMD by the shell with PGHOST, PGPORT, PGUSER and PGDATABASE set, and exit with its status."`
}

// The demo's logins.
const (
	demoUser     = "materialize"
	demoDatabase = "materialize"
)

// Run starts the stand-in and the proxy.
func (c demoCmd) Run(ctx context.Context, s streams) error {
	if c.LogLevel == "info" {
		c.LogLevel = "warn" // the terminal is for psql's line
	}
	log := c.logger(s)
	fmt.Fprintln(s.err, "starting PostgreSQL and the stand-in ...")
	sim, err := mzsim.Start(ctx, mzsim.Config{Hydration: c.Hydration, Startup: c.Startup, PostgresBin: c.PostgresBin, Logger: log})
	if err != nil {
		return err
	}
	defer func() { _ = sim.Close() }()
	if err := mzsim.Sample(ctx, sim.Addr()); err != nil {
		return fmt.Errorf("sample clusters: %w", err)
	}
	ln, err := listenDemo(c.Listen)
	if err != nil {
		return err
	}
	dsn := fmt.Sprintf("postgres://%s@%s/%s?sslmode=disable", demoUser, sim.Addr(), demoDatabase)
	upstream, err := proxy.ParseUpstream(dsn)
	if err != nil {
		return err
	}
	a, err := newApp(engineFlags{ControlCluster: "quickstart", Schema: "public", Resync: time.Minute, EnableExperimental: true},
		dsn, proxy.Config{Upstream: upstream, Logger: log, DrainTimeout: time.Second}, log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- a.run(ctx, ln, "") }()
	select {
	case <-a.tables:
	case err := <-done:
		return err
	case <-time.After(30 * time.Second):
		return errors.New("the stand-in does not answer")
	}
	err = c.use(ctx, s, ln.Addr().(*net.TCPAddr))
	stop()
	return errors.Join(err, <-done)
}

// use runs the command, or says how to connect and waits for a signal.
func (c demoCmd) use(ctx context.Context, s streams, addr *net.TCPAddr) error {
	if c.ExitAfter == "" {
		fmt.Fprintf(s.out, "\nClusters prod, staging and cluster-123 are there, without replicas. Connect with\n\n    psql -h %s -p %d -U %s %s\n\nand try SHOW STRATEGY HELP. Ctrl-C ends the demo.\n",
			addr.IP, addr.Port, demoUser, demoDatabase)
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
