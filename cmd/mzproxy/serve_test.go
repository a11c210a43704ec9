package main

import (
	"bufio"
	"bytes"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// served is mzproxy serve as a process of its own.
type served struct {
	cmd    *exec.Cmd
	addr   string // for clients
	exited chan struct{}
	err    error // once it exited

	mu  sync.Mutex
	log bytes.Buffer
}

var readyLine = regexp.MustCompile(`ready for clients.* listen="?([0-9.:]+)`)

// serveProcess starts mzproxy serve in front of a stand-in and waits until it
// listens.
func serveProcess(t *testing.T, upstream string, env []string, args ...string) *served {
	t.Helper()
	p := &served{exited: make(chan struct{})}
	p.cmd = exec.Command("mzproxy", append([]string{"serve", "--listen", "127.0.0.1:0", "--admin", "", "--upstream", upstream}, args...)...)
	p.cmd.Env = append(os.Environ(), env...)
	out, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		select {
		case <-p.exited:
		case <-time.After(patience):
		}
		if t.Failed() {
			t.Logf("log of the proxy:\n%s", p.logged())
		}
	})
	listening := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.mu.Lock()
			p.log.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
			if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
				listening <- m[1]
			}
		}
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	select {
	case p.addr = <-listening:
	case <-p.exited:
		t.Fatalf("mzproxy serve: %v\n%s", p.err, p.logged())
	case <-time.After(patience):
		t.Fatal("mzproxy serve does not listen")
	}
	return p
}

func (p *served) logged() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// psqlOnce runs one psql and returns what it prints, errors too.
func psqlOnce(t *testing.T, addr string, args ...string) (string, error) {
	t.Helper()
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "psql", append([]string{"-XAtq", "-h", host, "-p", port, "-U", demoUser, "-d", demoDatabase}, args...)...)
	cmd.Env = append(os.Environ(), "PGSSLMODE=disable", "LC_ALL=C.UTF-8", "LANGUAGE=")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// SIGTERM ends idle sessions with 57P01, and the process with status 0.
func TestServeDrains(t *testing.T) {
	p := serveProcess(t, dsn(standIn(t)), nil)
	host, port, _ := net.SplitHostPort(p.addr)
	idle := startPsql(t, []string{"PGHOST=" + host, "PGPORT=" + port, "PGUSER=" + demoUser, "PGDATABASE=" + demoDatabase, "PGSSLMODE=disable"}, "-X", "-q", "-At")
	idle.send(t, "SELECT 'here';\n")
	idle.settle(t)
	p.terminate(t)
	idle.send(t, "SELECT 'still here';\n")
	idle.finish(t)
	if out := idle.out.String(); !strings.Contains(out, "terminating connection due to administrator command") {
		t.Errorf("psql saw %q", out)
	}
}

// Clients of a server that is away are told so, and the proxy goes on.
func TestServeWithoutServer(t *testing.T) {
	p := serveProcess(t, "postgres://nobody@127.0.0.1:1/d?sslmode=disable", nil)
	for range 2 {
		out, err := psqlOnce(t, p.addr, "-c", "SELECT 1")
		if err == nil || !strings.Contains(out, "could not connect to server") {
			t.Errorf("psql saw %q (%v)", out, err)
		}
	}
}

// In observe mode a write is stored and explained, and nothing is executed.
func TestServeObserves(t *testing.T) {
	p := serveProcess(t, dsn(standIn(t)), nil, "--observe")
	out, err := psqlOnce(t, p.addr,
		"-c", `INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('staging', 'target_size', '{"target_size": "small"}')`,
		"-c", "APPLY STRATEGIES",
		"-c", "SELECT count(*) FROM mz_cluster_strategies",
		"-c", "SELECT count(*) FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'staging'")
	if err != nil {
		t.Fatal(out, err)
	}
	for _, want := range []string{`would create cluster replica "staging"."r_small" (small)`, "only observes", "\n1\n0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("psql saw no %q in\n%s", want, out)
		}
	}
}

// Two demos that want the same address both run.
func TestTwoDemos(t *testing.T) {
	first := newWorld(t)
	second := newWorldWith(t, demoCmd{Listen: first.addr.String(), Hydration: time.Second, Startup: time.Millisecond})
	for _, w := range []*world{first, second} {
		if out, err := psqlOnce(t, w.addr.String(), "-c", "SELECT 1"); err != nil || out != "1\n" {
			t.Errorf("psql saw %q (%v)", out, err)
		}
	}
}
