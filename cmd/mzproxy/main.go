// Command mzproxy is the strategy proxy in front of Materialize.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit statuses of the program.
const (
	exitFailure = 1
	exitUsage   = 2 // the input or the command line cannot be used
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// streams are the standard files of a run.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run is the program without the process around it. It returns the exit
// status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	var c cli
	exit := -1
	parser, err := newParser(&c, stdout, stderr, func(status int) { exit = status })
	if err != nil {
		fmt.Fprintln(stderr, "mzproxy:", err)
		return exitFailure
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 { // --help
		return exit
	}
	if err != nil {
		fmt.Fprintln(stderr, "mzproxy:", err)
		return exitUsage
	}
	ctx, stop := untilSignal()
	defer stop()
	parsed.BindTo(ctx, (*context.Context)(nil))
	parsed.Bind(streams{stdin, stdout, stderr})
	err = parsed.Run()
	var status exitStatus
	switch {
	case errors.As(err, &status):
		return int(status)
	case err != nil:
		fmt.Fprintln(stderr, "mzproxy:", err)
		return exitFailure
	}
	return 0
}

// exitStatus ends the program with a status, after everything was said.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// untilSignal is a context that ends with the first SIGINT or SIGTERM. The
// second one ends the process.
func untilSignal() (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel) // from now on signals have their own effect
	return ctx, cancel
}

func newParser(c *cli, stdout, stderr io.Writer, exit func(int)) (*kong.Kong, error) {
	return kong.New(c,
		kong.Name("mzproxy"),
		kong.Description("A proxy in front of Materialize: scaling strategies for clusters, managed with plain SQL."),
		kong.Writers(stdout, stderr),
		kong.Exit(exit),
		kong.DefaultEnvars("MZPROXY"),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Configuration(yamlSettings),
	)
}
