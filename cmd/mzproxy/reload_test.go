package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// rewrite replaces a file at once, as who deploys settings does.
func rewriteFile(t *testing.T, file, text string) {
	t.Helper()
	next := file + ".next"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, file); err != nil {
		t.Fatal(err)
	}
}

// logs waits for a line of the log.
func (p *served) logs(t *testing.T, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(p.logged(), want); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log never says %q", want)
		}
	}
}

// A change of the file, or SIGHUP, makes the settings count that may change: all of them, or, where there is a fault, none.
func TestReload(t *testing.T) {
	cert, key := selfSigned(t)
	file := filepath.Join(t.TempDir(), "mzproxy.yaml")
	settings := func(lines ...string) string { return strings.Join(append(lines, ""), "\n") }
	base := []string{"tls-cert: " + cert, "tls-key: " + key}
	rewriteFile(t, file, settings(base...))
	a := administer(t, "postgres://127.0.0.1:1/nobody?sslmode=disable", "--relay-only", "--config", file)
	a.until(t, "/metrics", "mzproxy_config_last_reload_successful 1\n")
	refused := func(want string) {
		t.Helper()
		out, _ := psqlOnce(t, a.addr, "-c", "SELECT 1")
		if !strings.Contains(out, want) {
			t.Errorf("psql saw %q, want %q", out, want)
		}
	}
	refused("could not connect to server")

	// By the file: nobody gets in any more whose address has a session already; and what cannot change says so.
	rewriteFile(t, file, settings(append(base, "log-level: debug", "resync: 5s")...))
	a.logs(t, `settings reloaded" changed=log-level`)
	a.logs(t, "counts from the next start on\" setting=resync")
	a.logs(t, "session ended") // which is told of at debug alone

	// A fault names its place; nothing of the file counts.
	rewriteFile(t, file, settings(append(base, "log-level: error", "max-sessions: many")...))
	a.logs(t, `mzproxy.yaml:4:15: setting \"max-sessions\": expected a valid`)
	a.until(t, "/metrics", "mzproxy_config_last_reload_successful 0\n")
	a.until(t, "/metrics", `mzproxy_config_reloads_total{result="failed"} 1`+"\n")
	refused("could not connect to server")

	// So does a certificate that cannot be read, whenever it comes to that.
	rewriteFile(t, file, settings(base...))
	a.until(t, "/metrics", "mzproxy_config_last_reload_successful 1\n")
	whole, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	rewriteFile(t, cert, "none")
	a.logs(t, "mzproxy.yaml:1:11: tls-cert: client tls")
	rewriteFile(t, cert, string(whole))
	a.until(t, "/metrics", "mzproxy_config_last_reload_successful 1\n")

	// By the signal.
	before := strings.Count(a.logged(), "settings reloaded")
	if err := a.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	a.logs(t, "settings reloaded\" trigger=SIGHUP")
	if strings.Count(a.logged(), "settings reloaded") <= before {
		t.Error("SIGHUP did nothing")
	}
}

// What a running proxy takes over counts for sessions and clusters.
func TestTune(t *testing.T) {
	w := newWorld(t)
	next := serveCmd{controllerFlags: controllerFlags{SizeAlias: map[string]string{"tiny": "25cc"}}}
	next.Notices, next.AuditRetention, next.AuditRows = "off", time.Hour, 10
	next.RateLimit.Actions = 1
	if err := w.app.tune(next); err != nil {
		t.Fatal(err)
	}
	addr := w.addr.String()
	out, err := psqlOnce(t, addr, "-c", "SHOW strategy.notices", "-c", `INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_size', '{"target_size": "tiny"}'), ('prod', 'burst', '{"burst_replica_size": "large"}')`,
		"-c", "EXPLAIN STRATEGY FOR CLUSTER prod")
	if err != nil || !strings.HasPrefix(out, "off\n") || strings.Contains(out, "NOTICE") || !strings.Contains(out, "(limit 1)") {
		t.Errorf("psql saw %s (%v)", out, err)
	}
	first := startPsql(t, w.env(), "-XAtq")
	first.send(t, "SELECT 1;\n")
	first.settle(t)
	next.MaxSessions = 1
	if err := w.app.tune(next); err != nil {
		t.Fatal(err)
	}
	if out, err := psqlOnce(t, addr, "-c", "SELECT 1"); err == nil || !strings.Contains(out, "too many clients") {
		t.Errorf("the second session saw %q", out)
	}
	first.finish(t)
	next.Notices = "loud"
	if err := w.app.tune(next); err == nil {
		t.Error("a level of notices that does not exist is taken")
	}
}
