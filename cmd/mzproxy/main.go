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
)

// The exit statuses of the program.
const (
	exitFailure = 1
	exitUsage   = 2 // the input or the command line cannot be used
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// streams are the command line and the standard files of a run.
type streams struct {
	args     []string // the command line
	in       io.Reader
	out, err io.Writer
}

// run is the program without the process around it. It returns the exit
// status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	l, err := load(args, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "mzproxy:", err)
		return exitUsage
	}
	if l.ended { // --help, --version
		return l.status
	}
	ctx, stop := untilSignal()
	defer stop()
	l.context.BindTo(ctx, (*context.Context)(nil))
	l.context.Bind(streams{args, stdin, stdout, stderr}, l)
	err = l.placed(l.context.Run())
	var status exitStatus
	var setting *settingError
	switch {
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &setting):
		fmt.Fprintln(stderr, "mzproxy:", err)
		return exitUsage
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
