package main

import (
	"bufio"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

var (
	psqlLine    = regexp.MustCompile(`^    psql -h ([0-9.]+) -p (\d+) -U \w+ \w+$`)
	metricsLine = regexp.MustCompile(` Metrics are at http://([0-9.:]+)/metrics\.`)
)

// The demo says how to connect, and where its metrics are.
func TestDemoGreets(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "mzproxy", "demo", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var clients, admin string
	for lines := bufio.NewScanner(out); admin == "" && lines.Scan(); {
		if m := psqlLine.FindStringSubmatch(lines.Text()); m != nil {
			clients = net.JoinHostPort(m[1], m[2])
		}
		if m := metricsLine.FindStringSubmatch(lines.Text()); m != nil {
			admin = m[1]
		}
	}
	if got, err := psqlOnce(t, clients, "-c", "SELECT 1"); err != nil || got != "1\n" {
		t.Errorf("psql saw %q (%v)", got, err)
	}
	a := administered{admin: admin}
	a.until(t, "/readyz", "ok")
	if _, got := a.get(t, "/metrics"); !strings.Contains(got, "mzproxy_lease_held") {
		t.Errorf("metrics are\n%s", got)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}
