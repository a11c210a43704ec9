package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long a test waits for what has to come.
const patience = 5 * time.Minute

// asProgram makes the test binary behave as mzsim.
const asProgram = "MZSIM_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// program is a mzsim serve in a process of its own, with a directory of its own for temporary files.
type program struct {
	*exec.Cmd
	tmp  string
	dsn  string
	err  bytes.Buffer
	gone chan struct{} // closed when the program and all that it started have ended
}

// startProgram returns when the program has said how to connect.
func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	root := "/dev/shm" // fast, where there is one
	if _, err := os.Stat(root); err != nil {
		root = ""
	}
	tmp, err := os.MkdirTemp(root, "mzsim-cmd-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(tmp) })
	if err := os.Chmod(tmp, 0o1777|os.ModeSticky); err != nil { // the server may run as somebody else
		t.Fatal(err)
	}
	p := &program{Cmd: exec.Command(os.Args[0], append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...), tmp: tmp, gone: make(chan struct{})}
	p.Env = append(os.Environ(), asProgram+"=1", "TMPDIR="+tmp)
	p.Stderr = &p.err
	ended, heir, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.ExtraFiles = []*os.File{heir} // every process that it starts inherits it
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	_ = heir.Close()
	t.Cleanup(func() { // the watchdog needs the directory until then
		_ = p.Process.Kill()
		<-p.gone
	})
	go func() {
		defer close(p.gone)
		defer func() { _ = ended.Close() }()
		_, _ = ended.Read(make([]byte, 1)) // nobody writes: it returns when nobody could
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = p.Wait()
		t.Fatalf("%v\n%s", err, p.err.String())
	}
	p.dsn = strings.Trim(strings.TrimPrefix(strings.TrimSpace(line), "psql "), `"`)
	return p
}

func (p *program) ask(t *testing.T, sql string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var answer string
	if err := conn.QueryRow(ctx, sql, pgx.QueryExecModeSimpleProtocol).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return answer
}

// nothingLeft waits until no file and no process of the program is there.
func (p *program) nothingLeft(t *testing.T) {
	t.Helper()
	select {
	case <-p.gone:
	case <-time.After(patience):
		t.Fatal("processes are left behind")
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) { // the poll of a condition
		files, err := os.ReadDir(p.tmp)
		if err != nil {
			t.Fatal(err)
		}
		if len(files) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("left behind: %v", files)
		}
	}
}

func TestServe(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP} {
		t.Run(sig.String(), func(t *testing.T) {
			p := startProgram(t, "--hydration", "7s", "--startup", "8ms")
			if got := p.ask(t, "SELECT mz_sim.knob('hydration')::interval::text || ' ' || mz_sim.knob('startup')::interval::text"); got != "00:00:07 00:00:00.008" {
				t.Errorf("knobs: %s", got)
			}
			if err := p.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			if err := p.Wait(); err != nil {
				t.Errorf("%v\n%s", err, p.err.String())
			}
			p.nothingLeft(t)
		})
	}
}

// A program that is killed cannot tidy up: its watchdog does.
func TestKilled(t *testing.T) {
	p := startProgram(t)
	p.ask(t, "SELECT 'x'")
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	p.nothingLeft(t)
}

// Two programs at once do not meet.
func TestTwoAtOnce(t *testing.T) {
	a, b := startProgram(t), startProgram(t)
	a.ask(t, "SELECT mz_sim.set('startup', '1 hour')")
	if got := b.ask(t, "SELECT mz_sim.knob('startup')"); strings.Contains(got, "hour") {
		t.Errorf("got %s", got)
	}
}

// The data directory that was named is kept.
func TestKeptData(t *testing.T) {
	p := startProgram(t)
	dir := p.tmp + "/kept"
	q := startProgram(t, "--data", dir)
	q.ask(t, "SELECT mz_sim.set('startup', '1 hour')")
	if err := q.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := q.Wait(); err != nil {
		t.Errorf("%v\n%s", err, q.err.String())
	}
	again := startProgram(t, "--data", dir, "--startup", "1s")
	if got := again.ask(t, "SELECT mz_sim.knob('hydration') || ' ' || mz_sim.knob('startup')::interval::text"); got != "3000000 microseconds 00:00:01" {
		t.Errorf("got %s", got)
	}
}

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args           string
		status         int
		stdout, stderr string
	}{
		{"--help", 0, "serve [flags]", ""},
		{"serve --help", 0, "MZSIM_POSTGRES_BIN", ""},
		{"", 2, "", "expected \"serve\""},
		{"serve --colour", 2, "", "unknown flag --colour"},
		{"serve --hydration soon", 2, "", "invalid duration"},
		{"serve --log-level loud", 2, "", "--log-level must be one of"},
		{"serve --postgres-bin /nowhere", 1, "", "no PostgreSQL server found in \"/nowhere\""},
		{"serve --listen nowhere", 1, "", "missing port in address"},
		{"serve --hydration=-1s", 2, "", "--hydration, --startup, --lag, --read-cost and --latency must not be negative"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if got := run(t.Context(), strings.Fields(tt.args), &stdout, &stderr); got != tt.status {
				t.Errorf("status %d, want %d", got, tt.status)
			}
			if !strings.Contains(stdout.String(), tt.stdout) || !strings.Contains(stderr.String(), tt.stderr) {
				t.Errorf("stdout %q, stderr %q; want %q and %q", stdout.String(), stderr.String(), tt.stdout, tt.stderr)
			}
		})
	}
}
