// Command mzsim runs the stand-in for Materialize alone.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/sirupsen/logrus"

	"mzproxy/proxy/mzsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// serveCommand are the flags of mzsim serve.
type serveCommand struct {
	Listen      string        `default:"${listen}" help:"Address to listen on."`
	Hydration   time.Duration `default:"${hydration}" help:"Time from online to hydrated at one worker; divided by the workers of the size."`
	Startup     time.Duration `default:"${startup}" help:"Time from created to online."`
	Lag         time.Duration `default:"0s" help:"How late the catalog shows sessions, statuses, hydration, usage and history; a real Materialize is a second or two late."`
	ReadCost    time.Duration `default:"0s" help:"How long a read takes for which Materialize builds a dataflow (standard); one that an index answers (fast-path) takes a tenth of it."`
	Latency     time.Duration `default:"0s" help:"How long a round trip takes."`
	Version     string        `name:"materialize-version" placeholder:"VERSION" help:"The Materialize whose behaviour is played, as v26.34.0: from v26.35 on managed clusters change in the background, and scale by themselves (default: the latest known)."`
	Superuser   bool          `help:"Make role materialize a superuser, as an organization's administrators are."`
	PostgresBin string        `type:"path" placeholder:"DIR" env:"MZSIM_POSTGRES_BIN" help:"Directory of the PostgreSQL binaries (default: PATH, then the usual places)."`
	Data        string        `type:"path" placeholder:"DIR" help:"Data directory, kept at exit (default: temporary)."`
	LogLevel    string        `default:"info" enum:"trace,debug,info,warning,error" help:"Log level: ${enum}."`
}

// Validate refuses what no replica can take.
func (c *serveCommand) Validate() error {
	if min(c.Hydration, c.Startup, c.Lag, c.ReadCost, c.Latency) < 0 {
		return errors.New("--hydration, --startup, --lag, --read-cost and --latency must not be negative")
	}
	return nil
}

// run is the program: it returns the exit status when ctx ends or something fails.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var cli struct {
		Serve serveCommand `cmd:"" help:"Run the stand-in for Materialize until a signal comes."`
	}
	exit := -1
	parser, err := kong.New(&cli, kong.Name("mzsim"), kong.Description("A stand-in for Materialize, made of a private PostgreSQL server."),
		kong.Writers(stdout, stderr), kong.Exit(func(status int) { exit = status }),
		kong.Vars{"listen": mzsim.DefaultListen, "hydration": mzsim.DefaultHydration.String(), "startup": mzsim.DefaultStartup.String()})
	if err != nil {
		_, _ = fmt.Fprintln(stderr, "mzsim:", err)
		return 2
	}
	_, err = parser.Parse(args)
	switch {
	case exit >= 0: // help was asked for
		return exit
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "mzsim:", err)
		return 2
	}
	if err := serve(ctx, cli.Serve, stdout, stderr); err != nil {
		_, _ = fmt.Fprintln(stderr, "mzsim:", err)
		return 1
	}
	return 0
}

// serve runs the stand-in until ctx ends.
func serve(ctx context.Context, c serveCommand, stdout, stderr io.Writer) error {
	level, err := logrus.ParseLevel(c.LogLevel)
	if err != nil {
		return fmt.Errorf("read log level: %w", err)
	}
	log := logrus.New()
	log.SetOutput(stderr)
	log.SetLevel(level)
	const atOnce = 1 // nanosecond: 0 would stand for the default
	sim, err := mzsim.Start(ctx, mzsim.Config{
		Listen: c.Listen, Hydration: max(c.Hydration, atOnce), Startup: max(c.Startup, atOnce), Lag: c.Lag, ReadCost: c.ReadCost, Latency: c.Latency, Version: c.Version,
		Superuser: c.Superuser, PostgresBin: c.PostgresBin, Data: c.Data, Welcome: true, Logger: log,
	})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(stdout, "psql %q\n", sim.DSN())
	<-ctx.Done()
	return sim.Close()
}
