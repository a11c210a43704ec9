package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"
	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/proxy/intercept"
)

// cli is the command line.
type cli struct {
	Config kong.ConfigFlag `help:"YAML file with settings; flags and environment come first." placeholder:"FILE" env:"MZPROXY_CONFIG"`

	ShowVersion kong.VersionFlag `name:"version" env:"-" help:"Print version, commit and Go version."`

	Serve     serveCmd     `cmd:"" help:"Run the proxy."`
	Demo      demoCmd      `cmd:"" help:"Run a stand-in for Materialize and the proxy in one process."`
	Plan      planCmd      `cmd:"" help:"Print the plan for a JSON snapshot."`
	Check     checkCmd     `cmd:"" help:"Check what serve would need: one line a finding, exit status 1 if something will not work."`
	Uninstall uninstallCmd `cmd:"" help:"Print the statements that take the proxy out of a Materialize again."`
	Version   versionCmd   `cmd:"" help:"Print version, commit and Go version."`
}

// logFlags say how to log.
type logFlags struct {
	LogLevel  string `default:"info" enum:"trace,debug,info,warn,error" help:"Least level of log lines (${enum})."`
	LogFormat string `default:"text" enum:"text,json" help:"Format of log lines (${enum})."`
}

func (f logFlags) logger(s streams) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(s.err)
	log.SetLevel(f.level())
	if f.LogFormat == "json" {
		log.SetFormatter(&logrus.JSONFormatter{})
	} else {
		log.SetFormatter(&logrus.TextFormatter{FullTimestamp: true, DisableColors: true})
	}
	return log
}

func (f logFlags) level() logrus.Level {
	level, err := logrus.ParseLevel(f.LogLevel)
	if err != nil {
		return logrus.InfoLevel
	}
	return level
}

// controllerFlags say where the controller works, the same for serve and check.
type controllerFlags struct {
	Upstream       string            `required:"" secret:"" placeholder:"URL" help:"The server: postgres://user:password@host:port/database?sslmode=...; host, port and TLS for client sessions, all of it for the controller."`
	Controller     string            `secret:"" placeholder:"URL" help:"Another connection string for the controller."`
	PasswordFile   string            `placeholder:"FILE" help:"File that holds the controller's password."`
	ControlCluster string            `default:"quickstart" help:"Cluster on which the controller reads its own tables."`
	Schema         string            `default:"public" help:"Schema of the proxy's tables."`
	TrustRows      string            `default:"auto" enum:"auto,always,approved" help:"Which rows of mz_cluster_strategies count: all, those with an approval, or by who may write the table (${enum})."`
	SizeAlias      map[string]string `mapsep:"," placeholder:"NAME=SIZE" help:"Names for sizes that configs may use, as in small=25cc,medium=100cc."`
}

// engineFlags are the settings of the engine that serve has beside them.
type engineFlags struct {
	Observe            bool          `help:"Plan, log and answer EXPLAIN STRATEGY, but execute nothing."`
	Resync             time.Duration `default:"60s" help:"Look at all clusters this often, even if nothing was noticed."`
	EnableExperimental bool          `help:"Run experimental strategies (shrink_to_fit)."`
	RateLimit          engine.Rate   `default:"10/5m" placeholder:"N/TIME" help:"Actions that a cluster may take within a time of up to an hour."`
	AuditRetention     time.Duration `default:"720h" help:"How long audit rows are kept."`
	AuditRows          int64         `default:"10000" help:"How many audit rows of a cluster are kept."`
	MaxRowsPerCluster  int           `default:"1000" help:"Rows of mz_cluster_strategies that a cluster may have."`
	Notices            string        `default:"changes" enum:"off,changes,all" help:"What sessions hear that do not set strategy.notices (${enum})."`

	IgnoreUser        []string `placeholder:"PATTERN" help:"Users whose statements are no use of a cluster, as a pattern of LIKE; may be repeated."`
	IgnoreApplication []string `placeholder:"PATTERN" help:"The same for values of application_name."`

	historyEvery time.Duration // at most one read of statement history in that time; 0: the default
}

// tunables are the settings of the controller that may change while it works.
func (f engineFlags) tunables() materialize.Tunables {
	return materialize.Tunables{Rate: f.RateLimit, KeepActionsFor: f.AuditRetention, KeepActions: f.AuditRows}
}

// ofSessions are those of sessions.
func (f engineFlags) ofSessions(aliases map[string]string) intercept.Tunables {
	return intercept.Tunables{SizeAliases: aliases, Notices: f.Notices, Ignore: intercept.Ignored{Users: f.IgnoreUser, Applications: f.IgnoreApplication}}
}

// check finds what a value's form does not tell.
func (f engineFlags) check() error {
	switch {
	case f.AuditRetention < 5*time.Minute:
		return wrong("audit-retention", errors.New("at least 5m, since strategies look at what was done last"))
	case f.MaxRowsPerCluster < 1:
		return wrong("max-rows-per-cluster", errors.New("at least 1"))
	case f.AuditRows < 1:
		return wrong("audit-rows", errors.New("at least 1"))
	case f.Resync <= 0:
		return wrong("resync", errors.New("more than 0s"))
	}
	if err := (intercept.Ignored{Users: f.IgnoreUser}).Check(); err != nil {
		return wrong("ignore-user", err)
	}
	if err := (intercept.Ignored{Applications: f.IgnoreApplication}).Check(); err != nil {
		return wrong("ignore-application", err)
	}
	return nil
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
var version = "dev"

type versionCmd struct{}

// Run prints version, commit and Go version.
func (versionCmd) Run(_ context.Context, s streams) error {
	_, err := fmt.Fprintln(s.out, versionLine())
	return err
}

// versionLine is version, commit and Go version in one line.
func versionLine() string {
	return fmt.Sprintf("mzproxy %s, commit %s, %s", version, commit(), runtime.Version())
}

// commit is what the program was built from.
func commit() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				return setting.Value
			}
		}
	}
	return "unknown"
}
