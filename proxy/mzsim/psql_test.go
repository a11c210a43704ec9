package mzsim_test

import (
	"bytes"
	"context"
	"flag"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

// psql prepares a real psql that is connected to the stand-in.
func psql(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	host, port, err := net.SplitHostPort(sim.Addr())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, "psql", append([]string{"-X", "-h", host, "-p", port, "-U", "materialize", "materialize"}, args...)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "PGSSLMODE=disable")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// What people do in psql looks as testdata/psql.out says, whatever psql's version: the titles of \dt and \dv,
// which differ, are off.
func TestPsql(t *testing.T) {
	fresh(t)
	const golden = "testdata/psql.out"
	cmd := psql(t, "-a", "-q", "-f", "testdata/psql.sql")
	got, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("psql (-want +got):\n%s", diff)
	}
}

// Which columns \du has depends on psql: from 16 on it leaves memberships to \drg.
func TestPsqlDescribesRole(t *testing.T) {
	got, err := psql(t, "-At", "-c", `\du materialize`).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(got), "materialize|Superuser") {
		t.Errorf("%v, got %s", err, got)
	}
}

// script starts a psql that runs a script, and returns what it has said when it has ended.
func script(t *testing.T, text string) (cmd *exec.Cmd, ended <-chan string) {
	t.Helper()
	cmd = psql(t, "-A", "-t", "-q")
	cmd.Stdin = strings.NewReader(text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan string, 1)
	go func() {
		_ = cmd.Wait() // an interrupted script has a status of its own
		done <- out.String()
	}()
	return cmd, done
}

// Ctrl-C ends a statement that waits for a replica.
func TestPsqlCancel(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE t (a int)")
	c.must(t, "SELECT mz_sim.set('startup', '1 hour')")
	c.must(t, oneC)
	cmd, ended := script(t, "SET cluster = c;\nSELECT a FROM t;\n")
	step{`~SELECT count(*) FROM mz_internal.mz_recent_activity_log WHERE sql = 'SELECT a FROM t' AND application_name = 'psql' AND finished_at IS NULL`, "1 [SELECT 1]"}.check(t, c)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := <-ended; !strings.Contains(got, "ERROR:  canceling statement due to user request") {
		t.Errorf("got %s", got)
	}
}

func TestPsqlWatch(t *testing.T) {
	c := fresh(t)
	c.must(t, "CREATE TABLE watched (a int)")
	cmd, ended := script(t, "SELECT 'again' FROM (SELECT count(*) FROM watched) x \\watch 0.01\n")
	c.eventually(t, `SELECT count(*) > 3 FROM mz_internal.mz_recent_activity_log WHERE sql LIKE 'SELECT ''again'' FROM%' AND finished_status = 'success'`, "t")
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := <-ended; strings.Count(got, "again") < 3 || strings.Contains(strings.ReplaceAll(got, "ERROR:  canceling statement due to user request", ""), "ERROR") {
		t.Errorf("got %s", got)
	}
}

// mzsim serve greets as Materialize does; see Config.Welcome.
func TestWelcome(t *testing.T) {
	cmd := psql(t, "-At", "-c", "SHOW welcome_message")
	var out, notices bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &notices
	cmd.Env = append(cmd.Env, "PGOPTIONS=--welcome_message=on")
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, notices.String())
	}
	if !strings.HasPrefix(notices.String(), "NOTICE:  connected to Materialize") || out.String() != "on\n" {
		t.Errorf("got %q and %q", notices.String(), out.String())
	}
	if got := dial(t).say("SHOW welcome_message"); got != "off [SELECT 1]" {
		t.Errorf("got %s", got)
	}
}
