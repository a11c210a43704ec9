package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

// administered is mzproxy serve with its side for administrators.
type administered struct {
	*served
	admin string // address
}

func administer(t *testing.T, upstream string, args ...string) *administered {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // a port that is free
	if err != nil {
		t.Fatal(err)
	}
	admin := ln.Addr().String()
	_ = ln.Close()
	return &administered{serveProcess(t, upstream, nil, append(args, "--admin", admin)...), admin}
}

func (a *administered) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+a.admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return fetched(t, r)
}

// until waits for a path to answer well with a text in it.
func (a *administered) until(t *testing.T, path, want string) {
	t.Helper()
	a.answers(t, path, http.StatusOK, want)
}

// answers waits for a path to answer with a status, and a text in it.
func (a *administered) answers(t *testing.T, path string, code int, want string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		status, body := a.get(t, path)
		if status == code && strings.Contains(body, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s never says %q: %d\n%s", path, want, status, body)
		}
	}
}

func (a *administered) sql(t *testing.T, statements ...string) {
	t.Helper()
	var args []string
	for _, s := range statements {
		args = append(args, "-c", s)
	}
	if out, err := psqlOnce(t, a.addr, args...); err != nil {
		t.Fatal(out, err)
	}
}

// Probes answer over HTTP.
func TestProbes(t *testing.T) {
	a := administer(t, dsn(standIn(t)))
	if status, body := a.get(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d %s", status, body)
	}
	a.until(t, "/readyz", "ok")
	// Another tool makes a table without a column that is needed; then it goes, and the proxy makes its own again.
	for deadline := time.Now().Add(patience); ; {
		_, err := psqlOnce(t, a.addr, "-v", "ON_ERROR_STOP=1", "-c", "DROP TABLE mz_cluster_strategies", "-c", "CREATE TABLE mz_cluster_strategies (cluster_id text, kind text)")
		if err == nil {
			break // otherwise the proxy was quicker
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
	a.answers(t, "/readyz", http.StatusServiceUnavailable, `"strategy_type" does not exist`)
	a.sql(t, "DROP TABLE mz_cluster_strategies")
	a.until(t, "/readyz", "ok")
}

// Metrics tell of pauses as they come and go, of what was done and what was refused.
func TestMetrics(t *testing.T) {
	sim := standIn(t)
	a := administer(t, dsn(sim))
	a.until(t, "/metrics", "mzproxy_lease_held 1\n")
	a.until(t, "/metrics", "mzproxy_watching 1\n")
	a.sql(t, `INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "small"}')`)
	for _, line := range []string{
		`mzproxy_strategies_paused{cluster="prod"} 0`, `mzproxy_strategies_invalid{cluster="prod"} 0`, `mzproxy_cluster_replicas{cluster="prod"} 1`,
		`mzproxy_cluster_replicas_ready{cluster="prod"} 1`, `mzproxy_cluster_credits_per_hour{cluster="prod"} 0.25`, `mzproxy_controller_up 1`,
		`mzproxy_strategy_actions_total{action="create",result="executed"} 1`, `mzproxy_strategy_actions_total{action="drop",result="failed"} 0`,
		`mzproxy_strategy_action_duration_seconds_count 1`, `mzproxy_look_duration_seconds_count{trigger="statement"} 1`,
		`mzproxy_strategy_writes_total{operation="INSERT"} 1`, `mzproxy_sessions 0`, `mzproxy_cluster_phase{cluster="prod",phase="steady"} 1`,
		`mzproxy_reaction_duration_seconds_count{cause="statement"} 1`, `mzproxy_replica_ready_duration_seconds_count 1`, `mzproxy_lease_changes_total 1`,
		`mzproxy_upstream_connects_total{result="failed"} 0`, `mzproxy_config_last_reload_successful 1`,
	} {
		a.until(t, "/metrics", line+"\n")
	}
	a.sql(t, "PAUSE STRATEGIES FOR CLUSTER prod FOR '1 hour'")
	a.until(t, "/metrics", `mzproxy_strategies_paused{cluster="prod"} 1`)
	a.until(t, "/metrics", `mzproxy_cluster_held{cluster="prod",guard="pause"} 1`)
	a.sql(t, "RESUME STRATEGIES FOR CLUSTER prod")
	a.until(t, "/metrics", `mzproxy_strategies_paused{cluster="prod"} 0`)
	a.until(t, "/metrics", `mzproxy_commands_total{command="PAUSE STRATEGIES"} 1`)

	a.sql(t, `INSERT INTO mz_cluster_strategies VALUES ('prod', 'pause', '{}')`)
	a.until(t, "/metrics", `mzproxy_strategies_paused{cluster="prod"} 1`)
	for _, sql := range []string{"INSERT INTO mz_cluster_strategies VALUES ('prd', 'burst', '{}')", "SHOW STRATEGY STATS", "SHOW STRATEGIES FOR CLUSTER prd"} {
		if out, err := psqlOnce(t, a.addr, "-c", sql); err == nil {
			t.Fatalf("%s is not refused: %s", sql, out)
		}
	}
	a.until(t, "/metrics", `mzproxy_statements_refused_total{sqlstate="42601"} 1`)
	a.until(t, "/metrics", `mzproxy_statements_refused_total{sqlstate="42704"} 2`)
	if _, err := psqlOnce(t, sim.Addr(), "-v", "ON_ERROR_STOP=1", "-c", `INSERT INTO mz_cluster_strategies VALUES ('u999', 'burst', '{}')`); err != nil {
		t.Fatal(err)
	}
	a.until(t, "/metrics", `mzproxy_strategies_invalid{cluster="(unknown)"} 1`)
	a.documented(t)

	a.sql(t, "DELETE FROM mz_cluster_strategies")
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, body := a.get(t, "/metrics"); !strings.Contains(body, `cluster="prod"`) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a cluster without strategies stays in the metrics")
		}
	}
	if err := sim.Close(); err != nil {
		t.Fatal(err)
	}
	a.until(t, "/metrics", "mzproxy_controller_up 0\n")
	a.answers(t, "/readyz", http.StatusServiceUnavailable, sim.Addr()+" cannot be reached")
	a.until(t, "/healthz", "ok")
}

var metricName = regexp.MustCompile("mzproxy_[a-z_]+")

// documented compares the metrics with those that the README names.
func (a *administered) documented(t *testing.T) {
	t.Helper()
	readme, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	var named []string
	for line := range strings.Lines(string(readme)) {
		if strings.HasPrefix(line, "| `mzproxy_") {
			named = append(named, metricName.FindString(line))
		}
	}
	var told []string
	_, body := a.get(t, "/metrics")
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v (%v)", problems, err)
	}
	for line := range strings.Lines(body) {
		var name string
		if n, _ := fmt.Sscanf(line, "# TYPE %s ", &name); n == 1 && strings.HasPrefix(name, "mzproxy_") {
			told = append(told, name)
		}
	}
	slices.Sort(named)
	if !slices.Equal(named, told) { // which are sorted
		t.Errorf("the README names\n%q\nand /metrics has\n%q", named, told)
	}
}

// A bare relay has probes and metrics, too, and is not ready while its server is away.
func TestAdminOfARelay(t *testing.T) {
	a := administer(t, "postgres://127.0.0.1:1/nobody?sslmode=disable", "--relay-only")
	for path, want := range map[string]string{"/healthz": "ok", "/startupz": "ok", "/metrics": "mzproxy_sessions 0"} {
		if status, body := a.get(t, path); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := a.get(t, "/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "the server cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused") {
		t.Errorf("/readyz: %d %s", status, body)
	}
}
