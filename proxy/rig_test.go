package proxy_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"go.uber.org/goleak"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// patience bounds what a test waits for; nothing is asserted about it.
const patience = time.Minute

// A rig is a proxy between a listener that plays the server and whoever dials.
type rig struct {
	t        testing.TB
	proxy    *proxy.Server
	address  string // of the proxy
	upstream net.Listener
	log      *logBuffer
	stop     context.CancelFunc
	done     chan error
	once     sync.Once
}

// logBuffer is a log that tests can read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// watched holds the names of the tests that noLeaks looks after.
var watched sync.Map

// noLeaks checks, when all else of a test is cleaned up, that no goroutine is left. Of tests that run at the same time the
// last one to end looks: the others could not tell their goroutines from its.
func noLeaks(t testing.TB) {
	name := t.Name()
	if _, before := watched.LoadOrStore(name, true); before {
		return
	}
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() {
		watched.Delete(name)
		alone := true
		watched.Range(func(any, any) bool { alone = false; return false })
		if alone {
			goleak.VerifyNone(t, ignore)
		}
	})
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return ln
}

// newRig starts a proxy; configure may change the configuration before.
func newRig(t testing.TB, configure func(*proxy.Config)) *rig {
	t.Helper()
	noLeaks(t)
	r := &rig{t: t, upstream: listen(t), log: &logBuffer{}, done: make(chan error, 1)}
	cfg := proxy.Config{
		Upstream:     proxy.Upstream{Network: "tcp", Address: r.upstream.Addr().String(), SSLMode: "disable"},
		Logger:       newLogger(r.log),
		DrainTimeout: time.Millisecond, // tests end with sessions that nobody ends
	}
	if configure != nil {
		configure(&cfg)
	}
	var err error
	if r.proxy, err = proxy.NewServer(cfg); err != nil {
		t.Fatal(err)
	}
	ln := listen(t)
	r.address = ln.Addr().String()
	var ctx context.Context
	ctx, r.stop = context.WithCancel(context.Background())
	go func() { r.done <- r.proxy.Serve(ctx, ln) }()
	t.Cleanup(r.close)
	return r
}

// newRigFor starts a proxy with an interceptor, which may be nil.
func newRigFor(t testing.TB, interceptor proxy.Interceptor) *rig {
	t.Helper()
	return newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = interceptor })
}

// close ends the proxy and waits for that; once is enough.
func (r *rig) close() {
	r.once.Do(func() {
		_ = r.upstream.Close()
		r.stop()
		if err := <-r.done; err != nil {
			r.t.Errorf("serve: %v", err)
		}
	})
}

// readFull reads until p is full, with patience.
func readFull(conn net.Conn, p []byte) (int, error) {
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	return io.ReadFull(conn, p)
}

func newLogger(w io.Writer) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(w)
	log.SetLevel(logrus.DebugLevel)
	return log
}

// dial connects to the proxy.
func (r *rig) dial() *net.TCPConn {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// accept is the next connection of the proxy to the server.
func (r *rig) accept() *net.TCPConn {
	r.t.Helper()
	_ = r.upstream.(*net.TCPListener).SetDeadline(time.Now().Add(patience))
	conn, err := r.upstream.Accept()
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// session logs a client in and returns both ends.
func (r *rig) session(params ...string) (client, server *net.TCPConn) {
	r.t.Helper()
	client = r.dial()
	return client, r.enter(client, params...)
}

// enter brings a client that has connected to its first ReadyForQuery.
func (r *rig) enter(client net.Conn, params ...string) (server *net.TCPConn) {
	r.t.Helper()
	entered := make(chan error, 1)
	go func() { entered <- pgtest.Enter(client, params...) }()
	server = r.accept()
	if err := pgtest.Welcome(server, pgtest.DefaultKey); err != nil {
		r.t.Fatal(err)
	}
	if err := <-entered; err != nil {
		r.t.Fatal(err)
	}
	return server
}

// send writes messages, given as text, to a connection.
func send(t testing.TB, conn net.Conn, from pgtest.Side, messages ...string) {
	t.Helper()
	var wire []byte
	for _, text := range messages {
		m, err := pgtest.ParseMessage(from, text)
		if err != nil {
			t.Fatal(err)
		}
		wire = m.Append(wire)
	}
	_ = conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := conn.Write(wire); err != nil {
		t.Fatal(err)
	}
}

// expect reads messages and compares them with their text.
func expect(t testing.TB, conn net.Conn, from pgtest.Side, messages ...string) {
	t.Helper()
	for _, want := range messages {
		_ = conn.SetReadDeadline(time.Now().Add(patience))
		m, err := pgtest.ReadMessage(conn)
		if err != nil {
			t.Fatalf("from the %s: %v, want %s", from, err, want)
		}
		if got := pgtest.Format(from, m); got != want {
			t.Fatalf("from the %s: got %s, want %s", from, got, want)
		}
	}
}

// expectEnd reads the end of a connection.
func expectEnd(t testing.TB, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	rest, err := io.ReadAll(conn)
	if err != nil || len(rest) > 0 {
		t.Fatalf("at the end: %q, %v", rest, err)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}
