//go:build !portable

package proxy_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// parked waits until n directions wait in the poller.
func (r *rig) parked(n int) {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("%d directions parked", n), func() bool { return r.proxy.Parked() == n })
}

// exchange is a query and its answer, through the proxy.
func exchange(t *testing.T, client, server net.Conn, text string) {
	t.Helper()
	query := fmt.Sprintf("Query %q", text)
	send(t, client, pgtest.FromClient, query)
	expect(t, server, pgtest.FromClient, query)
	send(t, server, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
	expect(t, client, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
}

func TestQuietSessionGoesOn(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.session()
	for range 3 {
		exchange(t, client, server, "SELECT 1")
		r.parked(2)
	}
	send(t, server, pgtest.FromServer, `NotificationResponse 1 "channel" "payload"`)
	expect(t, client, pgtest.FromServer, `NotificationResponse 1 "channel" "payload"`)
	r.parked(2)
	send(t, client, pgtest.FromClient, "Terminate")
	expect(t, server, pgtest.FromClient, "Terminate")
	_ = server.Close()
	expectEnd(t, client)
}

// A session in the middle of something needs no goroutines either.
func TestBusySessionWaits(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.session()
	send(t, client, pgtest.FromClient, `Query "SELECT 1"`)
	expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
	r.parked(2)
	send(t, server, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
	expect(t, client, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
	r.parked(2)
}

// Half a message is not lost.
func TestParkedInsideAMessage(t *testing.T) {
	r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = newWordHandler() })
	client, server := r.session()
	wire := pgtest.Message{Type: 'Q', Body: []byte("SELECT 1\x00")}.Append(nil)
	for _, part := range [][]byte{wire[:3], wire[3:7], wire[7:]} {
		r.parked(2)
		if _, err := client.Write(part); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
}

func TestParkedServerGoesAway(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.session()
	r.parked(2)
	_ = server.Close()
	expect(t, client, pgtest.FromServer, `ErrorResponse S="FATAL" V="FATAL" C="08006" M="server closed the connection unexpectedly"`)
	expectEnd(t, client)
}

func TestParkedServerIsReset(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.session()
	r.parked(2)
	_ = server.SetLinger(0)
	_ = server.Close()
	expect(t, client, pgtest.FromServer, `ErrorResponse S="FATAL" V="FATAL" C="08006" M="server closed the connection unexpectedly"`)
	expectEnd(t, client)
}

func TestParkedClientGoesAway(t *testing.T) {
	r := newRig(t, nil)
	client, server := r.session()
	r.parked(2)
	_ = client.Close()
	expectEnd(t, server)
	_ = server.Close()
	eventually(t, "session over", func() bool { return r.proxy.Sessions() == 0 })
}

func TestParkedSessionDrains(t *testing.T) {
	r := newRig(t, nil)
	client, _ := r.session()
	r.parked(2)
	r.stop()
	expect(t, client, pgtest.FromServer, `ErrorResponse S="FATAL" V="FATAL" C="57P01" M="terminating connection due to administrator command"`)
	expectEnd(t, client)
}

func TestParkedSessionIsCancelled(t *testing.T) {
	r := newRig(t, nil)
	r.session()
	r.parked(2)
	if _, err := r.dial().Write(pgtest.CancelRequest(pgtest.DefaultKey)); err != nil {
		t.Fatal(err)
	}
	packet, err := pgtest.ReadPacket(r.accept())
	if err != nil || len(packet) != 12 {
		t.Fatalf("packet %x, %v", packet, err)
	}
}

func TestParkedSessionIsAnswered(t *testing.T) {
	handler := newWordHandler()
	r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = handler })
	client, server := r.session()
	r.parked(2)
	send(t, client, pgtest.FromClient, `Query "OURS WAIT"`)
	<-handler.waiting
	r.parked(1) // the server's direction
	_ = client.Close()
	if cause := <-handler.causes; !errors.Is(cause, proxy.ErrClientGone) {
		t.Errorf("the wait ended with %v", cause)
	}
	_, _ = io.Copy(io.Discard, server)
}

// The lead is handed over all the time, whatever the sessions do.
func TestHandingOverUnderLoad(t *testing.T) {
	r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = newWordHandler() })
	const sessions = 10
	done := make(chan error, sessions)
	for range sessions {
		client, server := r.session()
		go func() { done <- chatter(client, server) }()
	}
	for left := sessions; left > 0; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			left--
		default:
			r.proxy.StepAside()
		}
	}
	eventually(t, "all over", func() bool { return r.proxy.Sessions() == 0 })
	if n := r.proxy.Parked(); n > 0 {
		t.Errorf("%d directions still parked", n)
	}
}

// chatter sends queries, answers them, has one answered by the proxy, and hangs up.
func chatter(client, server net.Conn) error {
	defer server.Close()
	query := pgtest.Message{Type: 'Q', Body: []byte("SELECT 1\x00")}.Append(nil)
	ready := pgtest.Message{Type: 'Z', Body: []byte("I")}.Append(nil)
	ours := pgtest.Message{Type: 'Q', Body: []byte("OURS 0\x00")}.Append(nil)
	for range 50 {
		for _, way := range []struct {
			from, to net.Conn
			wire     []byte
		}{{client, server, query}, {server, client, ready}} {
			if _, err := way.from.Write(way.wire); err != nil {
				return err
			}
			if _, err := io.ReadFull(way.to, make([]byte, len(way.wire))); err != nil {
				return err
			}
		}
		if _, err := client.Write(ours); err != nil {
			return err
		}
		for m := (pgtest.Message{}); m.Type != 'Z'; {
			var err error
			if m, err = pgtest.ReadMessage(client); err != nil {
				return err
			}
		}
	}
	return client.Close()
}

// A session with TLS waits without goroutines, too, and goes on whatever its records hold.
func TestQuietSessionWithTLS(t *testing.T) {
	authority := newAuthority(t)
	r := newRig(t, func(cfg *proxy.Config) { cfg.ClientTLS, cfg.Interceptor = authority.server(t), newWordHandler() })
	client := authority.dialTLS(r)
	// Two queries are in the record of the first packet.
	query := pgtest.Message{Type: 'Q', Body: []byte("SELECT 1\x00")}.Append(nil)
	first := append(pgtest.Startup(pgtest.Version, "user", "u"), append(query, query...)...)
	if _, err := client.Write(first); err != nil {
		t.Fatal(err)
	}
	server := r.accept()
	if err := pgtest.Welcome(server, pgtest.DefaultKey); err != nil {
		t.Fatal(err)
	}
	expect(t, client, pgtest.FromServer, `Authentication 0 ""`, `ParameterStatus "server_version" "15.0"`,
		`BackendKeyData "\x00\x00\x12g\x01\x02\x03\x04"`, `ReadyForQuery I`)
	for range 2 {
		expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
		send(t, server, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
		expect(t, client, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
	}
	for range 3 {
		r.parked(2)
		exchange(t, client, server, "SELECT 1")
	}
	// More than a record, a buffer and a step hold.
	long := strings.Repeat("long ", 1<<17)
	exchange(t, client, server, long)
	r.parked(2)
	send(t, client, pgtest.FromClient, `Query "OURS 0"`)
	expect(t, client, pgtest.FromServer, `RowDescription [n:23:0]`, `CommandComplete "SELECT 0"`, `ReadyForQuery I`)
	r.parked(2)
	_ = client.Close()
	expectEnd(t, server)
	_ = server.Close()
	eventually(t, "session over", func() bool { return r.proxy.Sessions() == 0 })
}

// A record that comes in pieces is relayed when it is whole.
func TestTLSRecordInPieces(t *testing.T) {
	authority := newAuthority(t)
	r := newRig(t, func(cfg *proxy.Config) { cfg.ClientTLS = authority.server(t) })
	conn := r.dial()
	_, _ = conn.Write(pgtest.SSLRequest())
	if _, err := readFull(conn, make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	slow := &slowConn{TCPConn: conn}
	client := tls.Client(slow, authority.client())
	server := r.enter(client)
	slow.between = func() { r.parked(2) }
	exchange(t, client, server, "SELECT 1")
}

// slowConn writes byte by byte once between is set, and calls it between two.
type slowConn struct {
	*net.TCPConn
	between func()
}

func (c *slowConn) Write(p []byte) (int, error) {
	if c.between == nil {
		return c.TCPConn.Write(p)
	}
	for i := range p {
		c.between()
		if _, err := c.TCPConn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// rows is a message of the server, again and again, up to an error.
func rows(server net.Conn) {
	row := pgtest.Message{Type: 'D', Body: make([]byte, 1<<16)}.Append(nil)
	for {
		if _, err := server.Write(row); err != nil {
			return
		}
	}
}

// TLS answers some records. Where that has to wait for a client that does not read, others need not.
func TestTLSHasToAnswerAClientThatDoesNotRead(t *testing.T) {
	authority := newAuthority(t)
	r := newRig(t, func(cfg *proxy.Config) { cfg.ClientTLS = authority.server(t) })
	client := authority.dialTLS(r)
	server := r.enter(client)
	other, otherServer := r.session()
	go rows(server)
	eventually(t, "the client blocks", func() bool { return r.proxy.Blocked() == 1 })
	r.parked(3)
	bad := append([]byte{23, 3, 3, 0, 32}, make([]byte, 32)...) // a record that cannot be decrypted
	if _, err := client.NetConn().Write(bad); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is looked at", func() bool { return r.proxy.Parked() <= 2 })
	exchange(t, other, otherServer, "SELECT 1")
}

// The poller does not wait for clients of other listeners: to write to them may take long.
func TestClientOfAUnixSocketDoesNotRead(t *testing.T) {
	noLeaks(t)
	upstream := listen(t)
	server, err := proxy.NewServer(proxy.Config{
		Upstream:     proxy.Upstream{Network: "tcp", Address: upstream.Addr().String(), SSLMode: "disable"},
		DrainTimeout: time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "socket"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Serve(ctx, ln) }()
	var clients, servers [2]net.Conn
	for i := range clients {
		if clients[i], err = net.Dial("unix", ln.Addr().String()); err != nil {
			t.Fatal(err)
		}
		entered := make(chan error, 1)
		go func() { entered <- pgtest.Enter(clients[i]) }()
		if servers[i], err = upstream.Accept(); err != nil {
			t.Fatal(err)
		}
		if err := pgtest.Welcome(servers[i], pgtest.DefaultKey); err != nil {
			t.Fatal(err)
		}
		if err := <-entered; err != nil {
			t.Fatal(err)
		}
	}
	go rows(servers[0])
	for range 200 { // some of them after the moment when the first client has no space left
		exchange(t, clients[1], servers[1], "SELECT 1")
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	for i := range clients {
		_, _ = clients[i].Close(), servers[i].Close()
	}
}
