package main

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts run the program as a process of its own.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "../../testdata/scripts",
		RequireExplicitExec: true,
		UpdateScripts:       *update,
		Setup:               takePlaceAndTime,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": exitsWith},
	})
}

// takePlaceAndTime lets the programs of a script live where and when the test does, whatever else
// of the environment they do not see: see .ci/any-day.
func takePlaceAndTime(env *testscript.Env) error {
	for _, setting := range os.Environ() {
		name, _, _ := strings.Cut(setting, "=")
		if slices.Contains([]string{"TZ", "LANG", "LC_ALL", "LANGUAGE", "LOCPATH", "LD_PRELOAD", "ANY_DAY_OFFSET"}, name) || strings.HasPrefix(name, "FAKETIME") {
			env.Vars = append(env.Vars, setting)
		}
	}
	return nil
}

// exitsWith is "status N COMMAND...": the command has to exit with that status.
func exitsWith(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, not %d", got, want)
	}
}
