package proxy_test

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// cancelled sends a CancelRequest and waits until the proxy has dealt with it.
func cancelled(t *testing.T, conn net.Conn, key pgtest.Key) {
	t.Helper()
	if _, err := conn.Write(pgtest.CancelRequest(key)); err != nil {
		t.Fatal(err)
	}
	expectEnd(t, conn)
}

// What the server works at is cancelled there, with keys of any length, and with
// keys that we never saw; the client's wait ends when the server has closed.
func TestCancelReachesTheServer(t *testing.T) {
	for name, c := range map[string]struct {
		key  pgtest.Key
		seen bool
	}{
		"4 bytes":      {pgtest.Key{PID: 7, Secret: "abcd"}, true},
		"32 bytes":     {pgtest.Key{PID: 7, Secret: strings.Repeat("\x00", 32)}, true},
		"256 bytes":    {pgtest.Key{PID: 7, Secret: strings.Repeat("k", 256)}, true},
		"someone else": {pgtest.Key{PID: 8, Secret: "abcd"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = newWordHandler() })
			client := r.dial()
			entered := make(chan error, 1)
			go func() { entered <- pgtest.Enter(client) }()
			server := r.accept()
			key := c.key
			if !c.seen {
				key = pgtest.DefaultKey
			}
			if err := errors.Join(pgtest.Welcome(server, key), <-entered); err != nil {
				t.Fatal(err)
			}
			send(t, client, pgtest.FromClient, `Query "SELECT pg_sleep(1)"`)
			expect(t, server, pgtest.FromClient, `Query "SELECT pg_sleep(1)"`)
			canceller := r.dial()
			if _, err := canceller.Write(pgtest.CancelRequest(c.key)); err != nil {
				t.Fatal(err)
			}
			request := r.accept()
			got, err := pgtest.ReadPacket(request)
			if want := pgtest.CancelRequest(c.key)[4:]; err != nil || !bytes.Equal(got, want) {
				t.Fatalf("the server got %q, %v, want %q", got, err, want)
			}
			_ = request.Close()
			expectEnd(t, canceller)
		})
	}
}

// What waits in the proxy is cancelled there, and the server hears nothing of
// it: its signal could hit the session's next statement.
func TestCancelOfWhatIsOurs(t *testing.T) {
	for name, secured := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			h := newWordHandler()
			authority := newAuthority(t)
			r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor, cfg.ClientTLS = h, authority.server(t) })
			client, server := r.session()
			connect := func() net.Conn {
				if secured {
					return authority.dialTLS(r)
				}
				return r.dial()
			}

			send(t, client, pgtest.FromClient, `Query "OURS WAIT"`)
			<-h.waiting
			cancelled(t, connect(), pgtest.DefaultKey)
			expect(t, client, pgtest.FromServer, `ErrorResponse S="ERROR" V="ERROR" C="57014" M="canceling statement due to user request"`, `ReadyForQuery I`)
			if cause := <-h.causes; !errors.Is(cause, proxy.ErrCancelled) {
				t.Errorf("cause %v", cause)
			}

			send(t, client, pgtest.FromClient, `Query "WATCH x"`)
			expect(t, server, pgtest.FromClient, `Query "WATCH x"`)
			send(t, server, pgtest.FromServer, `CommandComplete "INSERT 0 1"`, `ReadyForQuery I`)
			expect(t, client, pgtest.FromServer, `CommandComplete "INSERT 0 1"`)
			<-h.waiting
			cancelled(t, connect(), pgtest.DefaultKey)
			expect(t, client, pgtest.FromServer, `ReadyForQuery I`)
			if cause := <-h.causes; !errors.Is(cause, proxy.ErrCancelled) {
				t.Errorf("cause %v", cause)
			}
			nobody(t, r)
		})
	}
}

// nobody checks that the proxy has not connected to the server again.
func nobody(t *testing.T, r *rig) {
	t.Helper()
	_ = r.upstream.(*net.TCPListener).SetDeadline(time.Now()) // what was dialled before a reply of ours is there by now
	if conn, err := r.upstream.Accept(); err == nil {
		_ = conn.Close()
		t.Error("the server was connected to")
	}
}

// A client that goes away ends what waits for it, even if it left before the wait began.
func TestClientThatGoesAwayEndsTheWait(t *testing.T) {
	for name, text := range map[string]string{"in an answer": `Query "OURS WAIT"`, "in Ready": `Query "WATCH x"`} {
		t.Run(name, func(t *testing.T) {
			h := newWordHandler()
			r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = h })
			client, server := r.session()
			send(t, client, pgtest.FromClient, text)
			if name == "in Ready" {
				expect(t, server, pgtest.FromClient, text)
				send(t, server, pgtest.FromServer, `CommandComplete "INSERT 0 1"`, `ReadyForQuery I`)
			}
			<-h.waiting
			_ = client.Close()
			if cause := <-h.causes; !errors.Is(cause, proxy.ErrClientGone) {
				t.Errorf("cause %v", cause)
			}
			_, _ = io.Copy(io.Discard, server)
			_ = server.Close()
			<-h.closed
		})
	}
}

// A client that has left before the server answered does not make Ready wait.
func TestClientThatHasLeftBeforeReady(t *testing.T) {
	h := newWordHandler()
	r := newRigFor(t, h)
	client, server := r.session()
	send(t, client, pgtest.FromClient, `Query "WATCH x"`)
	expect(t, server, pgtest.FromClient, `Query "WATCH x"`)
	_ = client.Close()
	expectEnd(t, server)
	send(t, server, pgtest.FromServer, `CommandComplete "INSERT 0 1"`, `ReadyForQuery I`)
	if cause := <-h.causes; !errors.Is(cause, proxy.ErrClientGone) {
		t.Errorf("cause %v", cause)
	}
	_ = server.Close()
	<-h.closed
}

// A shutdown ends the wait, too, and the client is told.
func TestShutdownEndsTheWait(t *testing.T) {
	h := newWordHandler()
	r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = h })
	client, _ := r.session()
	send(t, client, pgtest.FromClient, `Query "OURS WAIT"`)
	<-h.waiting
	r.stop()
	if cause := <-h.causes; !errors.Is(cause, proxy.ErrShutdown) {
		t.Errorf("cause %v", cause)
	}
	expect(t, client, pgtest.FromServer, `ErrorResponse S="FATAL" V="FATAL" C="57P01" M="terminating connection due to administrator command"`)
	expectEnd(t, client)
	<-h.closed
}

// What a client sends while its statement waits is kept, over TLS too, where the
// read that is broken off may have half a record.
func TestWhatIsSentDuringAWaitIsKept(t *testing.T) {
	for name, secured := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			h := newWordHandler()
			authority := newAuthority(t)
			r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor, cfg.ClientTLS = h, authority.server(t) })
			raw := r.dial()
			half := &holdingConn{Conn: raw}
			var client net.Conn = half
			if secured {
				_, _ = raw.Write(pgtest.SSLRequest())
				if _, err := io.ReadFull(raw, make([]byte, 1)); err != nil {
					t.Fatal(err)
				}
				client = tls.Client(half, authority.client())
			}
			entered := make(chan error, 1)
			go func() { entered <- pgtest.Enter(client) }()
			server := r.accept()
			if err := errors.Join(pgtest.Welcome(server, pgtest.DefaultKey), <-entered); err != nil {
				t.Fatal(err)
			}
			send(t, client, pgtest.FromClient, `Query "OURS WAIT"`)
			<-h.waiting
			send(t, client, pgtest.FromClient, `Query "SELECT 1"`)
			half.hold = true // from now on, the second half stays back
			send(t, client, pgtest.FromClient, `Query "SELECT 2"`)
			cancelled(t, r.dial(), pgtest.DefaultKey)
			expect(t, client, pgtest.FromServer, `ErrorResponse S="ERROR" V="ERROR" C="57014" M="canceling statement due to user request"`, `ReadyForQuery I`)
			expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
			if _, err := raw.Write(half.held); err != nil {
				t.Fatal(err)
			}
			expect(t, server, pgtest.FromClient, `Query "SELECT 2"`)
		})
	}
}

// holdingConn holds the second half of what is written to it.
type holdingConn struct {
	net.Conn
	hold bool
	held []byte
}

func (c *holdingConn) Write(p []byte) (int, error) {
	if !c.hold {
		return c.Conn.Write(p)
	}
	c.held = append(c.held, p[len(p)/2:]...)
	if _, err := c.Conn.Write(p[:len(p)/2]); err != nil {
		return 0, err
	}
	return len(p), nil
}
