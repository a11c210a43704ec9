package main

import (
	"context"
	"flag"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

var restarts = flag.Int("restarts", 1, "how often a running proxy is replaced under load")

// traffic connects, asks and leaves, over and over, until it is told to stop; it tells of the first thing that goes wrong.
type traffic struct {
	asked   atomic.Int64
	stop    context.CancelFunc
	running sync.WaitGroup
	failed  chan error
}

func startTraffic(t *testing.T, addr string, clients int) *traffic {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &traffic{stop: stop, failed: make(chan error, 1)}
	for range clients {
		l.running.Go(func() {
			for ctx.Err() == nil {
				if err := askOnce(addr); err != nil {
					select {
					case l.failed <- err:
					default:
					}
					return
				}
				l.asked.Add(1)
			}
		})
	}
	return l
}

func askOnce(addr string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, "postgres://"+demoUser+"@"+addr+"/"+demoDatabase+"?sslmode=disable")
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "SELECT 1", pgx.QueryExecModeSimpleProtocol)
	return err
}

// more waits until so many more questions are answered.
func (l *traffic) more(t *testing.T, n int64) {
	t.Helper()
	want := l.asked.Load() + n
	for deadline := time.Now().Add(patience); l.asked.Load() < want; time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-l.failed:
			t.Fatalf("after %d questions: %v", l.asked.Load(), err)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("only %d questions were answered", l.asked.Load())
		}
	}
}

func (p *served) terminate(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-p.exited:
		if p.err != nil {
			t.Errorf("mzproxy ended with %v", p.err)
		}
	case <-time.After(patience):
		t.Fatal("mzproxy goes on after SIGTERM")
	}
}

// A running proxy is replaced by another one on the same address while clients come and ask, and none of them notices.
func TestRestartUnderLoad(t *testing.T) {
	upstream := dsn(standIn(t))
	args := []string{"--relay-only", "--reuse-port"}
	old := serveProcess(t, upstream, nil, args...)
	l := startTraffic(t, old.addr, 4)
	l.more(t, 20)
	for range *restarts {
		next := serveProcess(t, upstream, nil, append(args, "--listen", old.addr)...)
		l.more(t, 20)
		old.terminate(t)
		l.more(t, 20)
		old = next
	}
	l.stop()
	l.running.Wait()
	select {
	case err := <-l.failed:
		t.Error(err)
	default:
	}
}

// The service manager hands over its socket, and hears how the proxy is.
func TestServiceManager(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = socket.Close() }()
	file, err := socket.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "notify") // a short path: that of a socket may not be long
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	states, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "s"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = states.Close() }()
	// The shell stands for the manager's child: it knows its own process id, which the program then has.
	cmd := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, "mzproxy", "serve", "--listen", "127.0.0.1:1", "--admin", "", "--relay-only", "--upstream", "postgres://127.0.0.1:1/d?sslmode=disable")
	cmd.Env = append(os.Environ(), "LISTEN_FDS=1", "LISTEN_FDNAMES=clients", "NOTIFY_SOCKET="+states.LocalAddr().String())
	cmd.ExtraFiles = []*os.File{file}
	var log strings.Builder
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	hears := func(want string) {
		t.Helper()
		buffer := make([]byte, 100)
		_ = states.SetReadDeadline(time.Now().Add(patience))
		n, err := states.Read(buffer)
		if err != nil || !strings.HasPrefix(string(buffer[:n]), want) {
			t.Fatalf("the manager hears %q (%v), want %q", buffer[:n], err, want)
		}
	}
	hears("READY=1")
	if out, _ := psqlOnce(t, socket.Addr().String(), "-c", "SELECT 1"); !strings.Contains(out, "could not connect to server") {
		t.Errorf("psql saw %q", out)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	hears("RELOADING=1\nMONOTONIC_USEC=")
	hears("READY=1")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	hears("STOPPING=1")
	if err := <-ended; err != nil {
		t.Errorf("%v\n%s", err, &log)
	}
}
