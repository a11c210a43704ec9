package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

const (
	shutDown   = `ErrorResponse S="FATAL" V="FATAL" C="57P01" M="terminating connection due to administrator command"`
	serverGone = `ErrorResponse S="FATAL" V="FATAL" C="08006" M="server closed the connection unexpectedly"`
	internal   = `ErrorResponse S="FATAL" V="FATAL" C="XX000" M="internal server error"`
)

func TestServerThatGoesAway(t *testing.T) {
	for name, c := range map[string]struct {
		last string // what the server sends before it goes
		want []string
	}{
		"in an answer":         {`RowDescription [a:25:0]`, []string{`RowDescription [a:25:0]`, serverGone}},
		"between messages":     {``, []string{serverGone}},
		"with its own goodbye": {`ErrorResponse S="FATAL" C="57P01" M="bye"`, []string{`ErrorResponse S="FATAL" C="57P01" M="bye"`}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			client, server := r.session()
			send(t, client, pgtest.FromClient, `Query "SELECT 1"`)
			expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
			if c.last != "" {
				send(t, server, pgtest.FromServer, c.last)
			}
			_ = server.Close()
			expect(t, client, pgtest.FromServer, c.want...)
			expectEnd(t, client)
		})
	}
	t.Run("in the middle of a message", func(t *testing.T) {
		r := newRig(t, nil)
		client, server := r.session()
		_, _ = server.Write([]byte("D\x00\x00\x00\xff\x00\x01"))
		_ = server.Close()
		got, err := io.ReadAll(client)
		if err != nil || string(got) != "D\x00\x00\x00\xff\x00\x01" {
			t.Errorf("got %q, %v, want what there was of the message and the end", got, err)
		}
	})
	t.Run("while the client is idle", func(t *testing.T) {
		r := newRig(t, nil)
		client, server := r.session()
		_ = server.SetLinger(0) // a reset
		_ = server.Close()
		expect(t, client, pgtest.FromServer, serverGone)
		expectEnd(t, client)
	})
}

func TestClientThatSaysGoodbye(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.session()
	send(t, client, pgtest.FromClient, `Terminate`)
	_ = client.Close()
	expect(t, server, pgtest.FromClient, `Terminate`)
	_ = server.Close()
	eventually(t, "no session", func() bool { return r.proxy.Sessions() == 0 })
	eventually(t, "a line in the log", func() bool { return strings.Contains(r.log.String(), "session ended") })
	if log := r.log.String(); strings.Contains(log, "level=error") {
		t.Errorf("log:\n%s", log)
	}
}

// A client that closes its half of the connection gets what it has asked for.
func TestHalfClose(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.session()
	send(t, client, pgtest.FromClient, `Query "SELECT 1"`)
	expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
	_ = client.CloseWrite()
	expectEnd(t, server)
	send(t, server, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
	_ = server.Close()
	expect(t, client, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
	expectEnd(t, client)
}

// The end of the client's input counts, too, if it comes together with a query:
// the kernel tells of both at once, or one by one.
func TestHalfCloseWithTheQuery(t *testing.T) {
	r := newRig(t, nil)
	query := pgtest.Message{Type: 'Q', Body: []byte("SELECT 1\x00")}.Append(nil)
	for range 4 {
		client, server := r.session()
		_, _ = client.Write(query)
		_ = client.CloseWrite()
		expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
		send(t, server, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
		expect(t, client, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
		expectEnd(t, server)
		_ = server.Close()
		expectEnd(t, client)
	}
}

// What a client has sent before it closed its half, or said goodbye, is done, also where a handler is to be asked about it and the server
// has yet to answer what stands in front.
func TestHalfCloseInFrontOfOurs(t *testing.T) {
	r := newRigFor(t, newWordHandler())
	for _, last := range [][]string{{`Query "OURS 1"`}, {`Query "DONE x"`, "Terminate"}} {
		client, server := r.session()
		send(t, client, pgtest.FromClient, append([]string{`Query "SELECT 1"`}, last...)...)
		_ = client.CloseWrite()
		expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
		send(t, server, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
		expect(t, client, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
		if len(last) > 1 {
			expect(t, server, pgtest.FromClient, last...)
			_ = server.Close()
			continue
		}
		expect(t, client, pgtest.FromServer, `RowDescription [n:23:0]`, `DataRow ["1"]`, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
		expectEnd(t, server)
		_ = server.Close()
		expectEnd(t, client)
	}
}

func TestMalformedFrames(t *testing.T) {
	t.Run("of the client", func(t *testing.T) {
		r := newRig(t, nil)
		r.session()
		client, server := r.session()
		_, _ = client.Write([]byte("Q\x00\x00\x00\x03"))
		refused(t, client, `C="08P01" M="invalid length of message type 'Q'"`)
		expectEnd(t, server)
		if n := r.proxy.Sessions(); n != 1 {
			t.Errorf("%d sessions left, want the other one", n)
		}
	})
	t.Run("of the server", func(t *testing.T) {
		r := newRig(t, nil)
		client, server := r.session()
		_, _ = server.Write([]byte("D\xff\xff\xff\xff"))
		refused(t, client, `C="08P01" M="invalid length of message type 'D'"`)
		expectEnd(t, server)
	})
	t.Run("no status", func(t *testing.T) {
		r := newRig(t, nil)
		client, server := r.session()
		_, _ = server.Write([]byte("Z\x00\x00\x00\x04"))
		refused(t, client, `C="08P01" M="invalid ReadyForQuery message"`)
		expectEnd(t, server)
	})
}

// A panic ends its session, with a word to the client and the stack in the log.
func TestPanicEndsOneSession(t *testing.T) {
	for name, messages := range map[string][]string{
		"in Intercept": {`Query "PANIC x"`},
		"in Parse":     {`Parse "" "PANIC x" []`},
		"in Wants":     {`Query "any"`},
	} {
		t.Run(name, func(t *testing.T) {
			h := newWordHandler()
			if name == "in Wants" {
				h.wants = func([]byte) bool { panic("the handler's") }
			}
			r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = h })
			client, _ := r.session()
			send(t, client, pgtest.FromClient, messages...)
			expect(t, client, pgtest.FromServer, internal)
			expectEnd(t, client)
			<-h.closed
			if log := r.log.String(); !strings.Contains(log, "panic in a session: the handler's") || !strings.Contains(log, "goroutine") {
				t.Errorf("log:\n%s", log)
			}
		})
	}
}

// panickingDone panics in Done, where the relay holds locks.
type panickingDone struct{ *wordHandler }

func (h panickingDone) Open(context.Context, *proxy.Session) (proxy.Handler, error) { return h, nil }

func (h panickingDone) Intercept(context.Context, proxy.Query) ([]proxy.Verdict, error) {
	return []proxy.Verdict{{Done: func(string) { panic("the handler's") }}}, nil
}

func TestPanicInDone(t *testing.T) {
	h := panickingDone{newWordHandler()}
	r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = h })
	client, server := r.session()
	send(t, client, pgtest.FromClient, `Query "DONE x"`)
	expect(t, server, pgtest.FromClient, `Query "DONE x"`)
	send(t, server, pgtest.FromServer, `CommandComplete "INSERT 0 1"`)
	expect(t, client, pgtest.FromServer, internal)
	expectEnd(t, client)
	<-h.closed
}

const tooMany = `C="53300" M="sorry, too many clients already"`

func TestLimits(t *testing.T) {
	for name, configure := range map[string]func(*proxy.Config){
		"in all":      func(cfg *proxy.Config) { cfg.MaxSessions = 1 },
		"per address": func(cfg *proxy.Config) { cfg.MaxSessionsPerAddress = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, configure)
			first, server := r.session()
			second := r.dial()
			_, _ = second.Write(pgtest.Startup(pgtest.Version, "user", "u"))
			refused(t, second, tooMany)
			// A cancel still gets through.
			canceller := r.dial()
			_, _ = canceller.Write(pgtest.CancelRequest(pgtest.DefaultKey))
			request := r.accept()
			if _, err := pgtest.ReadPacket(request); err != nil {
				t.Error(err)
			}
			_ = request.Close()
			expectEnd(t, canceller)
			// A place that was given up is free.
			_ = first.Close()
			_, _ = io.Copy(io.Discard, server)
			_ = server.Close()
			eventually(t, "no session", func() bool { return r.proxy.Sessions() == 0 })
			r.session()
		})
	}
}

// Connections that say nothing are bounded, too, in all and per address: in the end the oldest gives way.
func TestLimitOfSilentConnections(t *testing.T) {
	for name, configure := range map[string]func(*proxy.Config){
		"in all":      func(cfg *proxy.Config) { cfg.MaxSessions = 1 },
		"per address": func(cfg *proxy.Config) { cfg.MaxSessionsPerAddress = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, configure)
			var held []net.Conn
			for range 65 { // one session and the reserve for cancels
				held = append(held, r.dial())
			}
			eventually(t, "a place", func() bool {
				conn := r.dial()
				_, _ = conn.Write(pgtest.GSSENCRequest())
				_, err := io.ReadFull(conn, make([]byte, 1))
				return err == nil
			})
			refused(t, held[0], tooMany)
		})
	}
}

func TestDrain(t *testing.T) {
	r := newRig(t, func(cfg *proxy.Config) { cfg.DrainTimeout = time.Hour })
	idle, _ := r.session()
	busy, busyServer := r.session()
	send(t, busy, pgtest.FromClient, `Query "BEGIN"`)
	expect(t, busyServer, pgtest.FromClient, `Query "BEGIN"`)
	send(t, busyServer, pgtest.FromServer, `CommandComplete "BEGIN"`, `ReadyForQuery T`)
	expect(t, busy, pgtest.FromServer, `CommandComplete "BEGIN"`, `ReadyForQuery T`)
	starting := r.dial()

	r.stop()
	expect(t, idle, pgtest.FromServer, shutDown)
	expectEnd(t, idle)
	expect(t, starting, pgtest.FromServer, shutDown)
	expectEnd(t, starting)
	if conn, err := net.Dial("tcp", r.address); err == nil {
		_ = conn.Close()
		t.Error("a new connection was accepted")
	}

	// The transaction goes on to its end, not further.
	send(t, busy, pgtest.FromClient, `Query "COMMIT"`)
	expect(t, busyServer, pgtest.FromClient, `Query "COMMIT"`)
	send(t, busyServer, pgtest.FromServer, `CommandComplete "COMMIT"`, `ReadyForQuery I`)
	expect(t, busy, pgtest.FromServer, `CommandComplete "COMMIT"`, `ReadyForQuery I`, shutDown)
	expectEnd(t, busy)
}

// What does not end by itself is ended when the time is over, even if the client
// does not read.
func TestDrainDeadline(t *testing.T) {
	r := newRig(t, nil)
	busy, busyServer := r.session()
	send(t, busy, pgtest.FromClient, `Query "SELECT 1"`)
	expect(t, busyServer, pgtest.FromClient, `Query "SELECT 1"`)
	_, deafServer := r.session()
	flooded := make(chan struct{})
	go func() {
		defer close(flooded)
		row := pgtest.Message{Type: 'D', Body: make([]byte, 1<<20)}.Append(nil)
		for {
			if _, err := deafServer.Write(row); err != nil {
				return
			}
		}
	}()
	r.stop()
	expect(t, busy, pgtest.FromServer, shutDown)
	expectEnd(t, busy)
	<-flooded
}

// scarceListener fails to accept for lack of descriptors, some times.
type scarceListener struct {
	net.Listener
	mu       sync.Mutex
	failures int
	attempts int
}

func (l *scarceListener) Accept() (net.Conn, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts++
	if l.failures > 0 {
		l.failures--
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

func TestAcceptErrors(t *testing.T) {
	noLeaks(t)
	log := &logBuffer{}
	server, err := proxy.NewServer(proxy.Config{Upstream: proxy.Upstream{Network: "tcp", Address: "127.0.0.1:1"}, Logger: newLogger(log)})
	if err != nil {
		t.Fatal(err)
	}
	ln := &scarceListener{Listener: listen(t), failures: 3}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, ln) }()
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, _ = conn.Write(pgtest.SSLRequest())
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		t.Error(err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := strings.Count(log.String(), "cannot accept a connection, trying again in"); n != 3 || ln.attempts > 6 {
		t.Errorf("%d lines in the log and %d attempts for 3 failures:\n%s", n, ln.attempts, log)
	}
}

func TestServeEndsWithItsListener(t *testing.T) {
	noLeaks(t)
	server, err := proxy.NewServer(proxy.Config{Upstream: proxy.Upstream{Network: "tcp", Address: "127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	ln := listen(t)
	_ = ln.Close()
	if err := server.Serve(context.Background(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("serve: %v", err)
	}
}
