package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"
	"github.com/sirupsen/logrus"
)

// cli is the command line.
type cli struct {
	Config kong.ConfigFlag `help:"YAML file with settings; flags and environment come first." placeholder:"FILE" env:"MZPROXY_CONFIG"`

	Serve   serveCmd   `cmd:"" help:"Run the proxy."`
	Demo    demoCmd    `cmd:"" help:"Run a stand-in for Materialize and the proxy in one process."`
	Plan    planCmd    `cmd:"" help:"Print the plan for a JSON snapshot."`
	Check   checkCmd   `cmd:"" help:"Check what serve would need: one line a finding, exit status 1 if something will not work."`
	Version versionCmd `cmd:"" help:"Print version, commit and Go version."`
}

// logFlags say how to log.
type logFlags struct {
	LogLevel  string `default:"info" enum:"trace,debug,info,warn,error" help:"Least level of log lines (${enum})."`
	LogFormat string `default:"text" enum:"text,json" help:"Format of log lines (${enum})."`
}

func (f logFlags) logger(s streams) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(s.err)
	if level, err := logrus.ParseLevel(f.LogLevel); err == nil {
		log.SetLevel(level)
	}
	if f.LogFormat == "json" {
		log.SetFormatter(&logrus.JSONFormatter{})
	} else {
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, DisableColors: true})
	}
	return log
}

// engineFlags are the settings of the engine, the same for serve and demo.
type engineFlags struct {
	ControlCluster     string            `default:"quickstart" help:"Cluster on which the controller reads its own tables."`
	Schema             string            `default:"public" help:"Schema of the proxy's tables."`
	Observe            bool              `help:"Plan, log and answer EXPLAIN STRATEGY, but execute nothing."`
	Resync             time.Duration     `default:"60s" help:"Look at all clusters this often, even if nothing was noticed."`
	SizeAlias          map[string]string `mapsep:"," placeholder:"NAME=SIZE" help:"Names for sizes that configs may use, as in small=25cc,medium=100cc."`
	EnableExperimental bool              `help:"Run experimental strategies (shrink_to_fit)."`

	historyEvery time.Duration // at most one read of statement history in that time; 0: the default
}

type planCmd struct {
	File string `arg:"" help:"Snapshot; - is standard input."`
}

// Run prints the plan.
func (c planCmd) Run(s streams) error {
	if status := runPlan(c.File, s.in, s.out, s.err); status != 0 {
		return exitStatus(status)
	}
	return nil
}

// version is set when the program is built.
var version = "unknown"

type versionCmd struct{}

// Run prints version, commit and Go version.
func (versionCmd) Run(_ context.Context, s streams) error {
	commit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = setting.Value
			}
		}
	}
	_, err := fmt.Fprintf(s.out, "mzproxy %s, commit %s, %s\n", version, commit, runtime.Version())
	return err
}
