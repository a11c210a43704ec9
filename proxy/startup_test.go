package proxy_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// refused reads the one message of a client that is turned away, and the end.
func refused(t *testing.T, conn net.Conn, want string) {
	t.Helper()
	expect(t, conn, pgtest.FromServer, `ErrorResponse S="FATAL" V="FATAL" `+want)
	expectEnd(t, conn)
}

func TestStartupThatCannotBe(t *testing.T) {
	version2 := binary.BigEndian.AppendUint32(nil, 2<<16)
	for name, c := range map[string]struct {
		packets []byte
		answer  string // of single bytes, before the error
		want    string
	}{
		"no user":             {pgtest.Startup(pgtest.Version, "database", "x"), "", `C="28000" M="no PostgreSQL user name specified in startup packet"`},
		"protocol 2":          {append([]byte{0, 0, 0, 8}, version2...), "", `C="0A000" M="unsupported frontend protocol 2.0: server supports 3.0 to 3.2"`},
		"too long":            {[]byte{0, 1, 0, 0, 0, 3, 0, 0}, "", `C="08P01" M="invalid length of startup packet"`},
		"too short":           {[]byte{0, 0, 0, 7, 0, 3, 0, 0}, "", `C="08P01" M="invalid length of startup packet"`},
		"no terminator":       {append([]byte{0, 0, 0, 14}, append(pgtest.Startup(pgtest.Version)[4:8], "user\x00x"...)...), "", `C="08P01" M="invalid startup packet layout: expected terminator as last byte"`},
		"TLS asked for twice": {append(pgtest.SSLRequest(), pgtest.SSLRequest()...), "N", `C="08P01" M="unexpected SSLRequest message"`},
		"GSS asked for twice": {append(pgtest.GSSENCRequest(), pgtest.GSSENCRequest()...), "N", `C="08P01" M="unexpected GSSENCRequest message"`},
		"bad cancel request":  {pgtest.CancelRequest(pgtest.Key{PID: 1}), "", `C="08P01" M="invalid length of a cancel request"`},
		"direct TLS, without": {[]byte{0x16, 3, 1, 0, 200, 1, 0, 0}, "", `C="08P01" M="invalid length of startup packet"`},
	} {
		t.Run(name, func(t *testing.T) {
			client := newRig(t, nil).dial()
			_, _ = client.Write(c.packets)
			answer := make([]byte, len(c.answer))
			if _, err := io.ReadFull(client, answer); err != nil || string(answer) != c.answer {
				t.Fatalf("answer %q, %v, want %q", answer, err, c.answer)
			}
			refused(t, client, c.want)
		})
	}
}

// The server gets the StartupMessage as the client sent it, whatever version
// and options; what it answers reaches the client as it is.
func TestStartupIsRelayed(t *testing.T) {
	negotiate := pgtest.Message{Type: 'v', Body: []byte("\x00\x03\x00\x00\x00\x00\x00\x01_pq_.x\x00")}.Append(nil)
	for name, c := range map[string]struct {
		startup  []byte
		greeting []byte
	}{
		"3.0":         {pgtest.Startup(pgtest.Version, "user", "u", "database", "d", "options", "-c a=b"), pgtest.Greeting(pgtest.DefaultKey)},
		"3.2":         {pgtest.Startup(3<<16|2, "user", "u"), pgtest.Greeting(pgtest.Key{PID: 1, Secret: strings.Repeat("k", 256)})},
		"negotiated":  {pgtest.Startup(3<<16|9999, "user", "u", "_pq_.x", "1"), append(negotiate, pgtest.Greeting(pgtest.DefaultKey)...)},
		"replication": {pgtest.Startup(pgtest.Version, "user", "u", "replication", "database"), pgtest.Greeting(pgtest.DefaultKey)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			client := r.dial()
			for _, ask := range [][]byte{pgtest.GSSENCRequest(), pgtest.SSLRequest()} {
				var answer [1]byte
				_, _ = client.Write(ask)
				if _, err := io.ReadFull(client, answer[:]); err != nil || answer[0] != 'N' {
					t.Fatalf("encryption: %q, %v", answer, err)
				}
			}
			_, _ = client.Write(c.startup)
			server := r.accept()
			got := make([]byte, len(c.startup))
			if _, err := io.ReadFull(server, got); err != nil || !bytes.Equal(got, c.startup) {
				t.Fatalf("startup %q, %v, want %q", got, err, c.startup)
			}
			_, _ = server.Write(c.greeting)
			got = make([]byte, len(c.greeting))
			if _, err := io.ReadFull(client, got); err != nil || !bytes.Equal(got, c.greeting) {
				t.Fatalf("greeting %q, %v, want %q", got, err, c.greeting)
			}
		})
	}
}

// Authentication goes forth and back, and a refusal ends with the server's words.
func TestAuthenticationIsRelayed(t *testing.T) {
	r := newRig(t, nil)
	client := r.dial()
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	server := r.accept()
	if _, err := pgtest.ReadPacket(server); err != nil {
		t.Fatal(err)
	}
	send(t, server, pgtest.FromServer, `Authentication 10 "SCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00"`)
	expect(t, client, pgtest.FromServer, `Authentication 10 "SCRAM-SHA-256\x00\x00"`)
	send(t, client, pgtest.FromClient, `Password "SCRAM-SHA-256\x00\x00\x00\x00\x04n,,x"`)
	expect(t, server, pgtest.FromClient, `Password "SCRAM-SHA-256\x00\x00\x00\x00\x04n,,x"`)
	send(t, server, pgtest.FromServer, `Authentication 11 "r=1"`)
	expect(t, client, pgtest.FromServer, `Authentication 11 "r=1"`)
	send(t, client, pgtest.FromClient, `Password "p=1"`)
	expect(t, server, pgtest.FromClient, `Password "p=1"`)
	send(t, server, pgtest.FromServer, `ErrorResponse S="FATAL" C="28P01" M="password authentication failed"`)
	expect(t, client, pgtest.FromServer, `ErrorResponse S="FATAL" C="28P01" M="password authentication failed"`)
	expectEnd(t, client)
}

// A GSSAPI client does not answer the last AuthenticationGSSContinue, and nobody
// but the two ends knows which one that is.
func TestGSSAuthentication(t *testing.T) {
	const token = `Password "\x01\x00token"`
	for name, secured := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			h, authority := newWordHandler(), newAuthority(t)
			r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor, cfg.ClientTLS = h, authority.server(t) })
			client := net.Conn(r.dial())
			if secured {
				client = authority.dialTLS(r)
			}
			_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
			server := r.accept()
			if _, err := pgtest.ReadPacket(server); err != nil {
				t.Fatal(err)
			}
			send(t, server, pgtest.FromServer, `Authentication 7 ""`)
			expect(t, client, pgtest.FromServer, `Authentication 7 ""`)
			send(t, client, pgtest.FromClient, token)
			expect(t, server, pgtest.FromClient, token)
			for range 2 {
				send(t, server, pgtest.FromServer, `Authentication 8 "reply"`)
				expect(t, client, pgtest.FromServer, `Authentication 8 "reply"`)
				send(t, client, pgtest.FromClient, token)
				expect(t, server, pgtest.FromClient, token)
			}
			send(t, server, pgtest.FromServer, `Authentication 8 "last"`)
			expect(t, client, pgtest.FromServer, `Authentication 8 "last"`)
			// What is no answer waits until the session has begun, and is looked at.
			send(t, client, pgtest.FromClient, `Query "OURS 0"`)
			_, _ = server.Write(pgtest.Greeting(pgtest.DefaultKey))
			expect(t, client, pgtest.FromServer, `Authentication 0 ""`, `ParameterStatus "server_version" "15.0"`,
				`BackendKeyData "\x00\x00\x12g\x01\x02\x03\x04"`, `ReadyForQuery I`,
				`RowDescription [n:23:0]`, `CommandComplete "SELECT 0"`, `ReadyForQuery I`)
		})
	}
}

// Either end may go away while nobody knows whose turn it is.
func TestGSSAuthenticationThatEnds(t *testing.T) {
	for name, ends := range map[string]func(client, server *net.TCPConn){
		"by the client": func(client, _ *net.TCPConn) { _ = client.Close() },
		"by the server": func(_, server *net.TCPConn) { _ = server.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			client := r.dial()
			_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
			server := r.accept()
			if _, err := pgtest.ReadPacket(server); err != nil {
				t.Fatal(err)
			}
			send(t, server, pgtest.FromServer, `Authentication 8 "last"`)
			expect(t, client, pgtest.FromServer, `Authentication 8 "last"`)
			ends(client, server)
			eventually(t, "no session", func() bool { return r.proxy.Sessions() == 0 })
		})
	}
}

func TestChannelBindingThatCannotPass(t *testing.T) {
	for name, c := range map[string]struct{ offer, answer, want string }{
		"the server insists": {`Authentication 10 "SCRAM-SHA-256-PLUS\x00\x00"`, "",
			`C="28000" M="the server insists on channel binding, which cannot pass a proxy" D="The server offers SCRAM-SHA-256-PLUS only."`},
		"the client takes it for a downgrade": {`Authentication 10 "SCRAM-SHA-256-PLUS\x00SCRAM-SHA-256\x00\x00"`, `Password "SCRAM-SHA-256\x00\x00\x00\x00\x04y,,x"`,
			`C="28000" M="SCRAM channel binding cannot pass a proxy that ends TLS on both sides" H="Connect with channel_binding=disable."`},
		"an offer without an end": {`Authentication 10 "SCRAM-SHA-256"`, "", `C="08P01" M="invalid AuthenticationSASL message"`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil)
			client := r.dial()
			_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
			server := r.accept()
			if _, err := pgtest.ReadPacket(server); err != nil {
				t.Fatal(err)
			}
			send(t, server, pgtest.FromServer, c.offer)
			if c.answer != "" {
				expect(t, client, pgtest.FromServer, `Authentication 10 "SCRAM-SHA-256\x00\x00"`)
				send(t, client, pgtest.FromClient, c.answer)
			}
			refused(t, client, c.want)
		})
	}
}

func TestDatabaseOfTheUpstream(t *testing.T) {
	r := newRig(t, func(cfg *proxy.Config) { cfg.Upstream.Database = "standard" })
	for _, c := range []struct{ params, want []string }{
		{[]string{"user", "u"}, []string{"user", "u", "database", "standard"}},
		{[]string{"user", "u", "database", "own"}, []string{"user", "u", "database", "own"}},
	} {
		client := r.dial()
		_, _ = client.Write(pgtest.Startup(pgtest.Version, c.params...))
		got, err := pgtest.ReadPacket(r.accept())
		if want := pgtest.Startup(pgtest.Version, c.want...)[4:]; err != nil || !bytes.Equal(got, want) {
			t.Errorf("startup %q, %v, want %q", got, err, want)
		}
	}
}

func TestServerThatCannotBeReached(t *testing.T) {
	r := newRig(t, nil)
	_ = r.upstream.Close()
	client := r.dial()
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	refused(t, client, `C="08001" M="could not connect to server" D="The server does not accept connections."`)
}

func TestServerThatGoesDuringTheStartup(t *testing.T) {
	r := newRig(t, nil)
	client := r.dial()
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	server := r.accept()
	if _, err := pgtest.ReadPacket(server); err != nil {
		t.Fatal(err)
	}
	_ = server.Close()
	refused(t, client, `C="08001" M="server closed the connection unexpectedly"`)
}

// A client that does not say what it wants, or who it is, is not kept.
func TestStartupTimeout(t *testing.T) {
	authority := newAuthority(t)
	r := newRig(t, func(cfg *proxy.Config) { cfg.StartupTimeout, cfg.ClientTLS = time.Second, authority.server(t) })
	silent, unanswered, negotiating, direct := r.dial(), r.dial(), r.dial(), r.dial()
	_, _ = negotiating.Write(append(pgtest.SSLRequest(), 0x16, 3, 1)) // the beginning of a handshake
	_, _ = direct.Write([]byte{0x16, 3, 1})
	_, _ = unanswered.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	server := r.accept()
	if _, err := pgtest.ReadPacket(server); err != nil {
		t.Fatal(err)
	}
	send(t, server, pgtest.FromServer, `Authentication 3 ""`)
	expect(t, unanswered, pgtest.FromServer, `Authentication 3 ""`)
	unserved := r.dial()
	_, _ = unserved.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	if _, err := pgtest.ReadPacket(r.accept()); err != nil {
		t.Fatal(err)
	}
	expectEnd(t, unanswered)
	expectEnd(t, server)
	refused(t, unserved, `C="08001" M="could not connect to server" D="The server did not answer in time."`)
	expectEnd(t, silent)
	expectEnd(t, direct)
	if got, err := io.ReadAll(negotiating); err != nil || string(got) != "S" {
		t.Errorf("%q, %v, want S and the end", got, err)
	}
}

// A server that accepts and then says nothing is given up, and closed.
func TestServerThatDoesNotNegotiate(t *testing.T) {
	r := newRig(t, func(cfg *proxy.Config) {
		cfg.Upstream.SSLMode, cfg.DialTimeout = "require", 100*time.Millisecond
	})
	client := r.dial()
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	server := r.accept()
	if got, err := io.ReadAll(server); err != nil || !bytes.Equal(got, pgtest.SSLRequest()) {
		t.Errorf("the server got %q, %v", got, err)
	}
	refused(t, client, `C="08001" M="could not connect to server" D="The server did not answer in time."`)
}

// The limit is on what follows the length, as in PostgreSQL.
func TestSizeOfTheStartupPacket(t *testing.T) {
	r := newRig(t, func(cfg *proxy.Config) { cfg.MaxStartupPacket = 100 })
	largest := pgtest.Startup(pgtest.Version, "user", strings.Repeat("u", 100-4-len("user..."))) // version, and three zeros
	client := r.dial()
	_, _ = client.Write(largest)
	if got, err := pgtest.ReadPacket(r.accept()); err != nil || len(got) != 100 {
		t.Errorf("%d bytes, %v, want 100", len(got), err)
	}
	client = r.dial()
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", strings.Repeat("u", 101-4-len("user..."))))
	refused(t, client, `C="08P01" M="invalid length of startup packet"`)
	nobody(t, r)
}

// In replication mode nothing is ours, if the server has one.
func TestReplicationIsNotIntercepted(t *testing.T) {
	for mode, intercepted := range map[string]bool{
		"database": false, "true": false, "1": false, "on": false, "yes": false,
		"": true, "false": true, "FALSE": true, "f": true, "off": true, "of": true, "no": true, "0": true,
	} {
		for _, known := range []bool{true, false} {
			r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor, cfg.Replication = newWordHandler(), known })
			client, server := r.session("replication", mode)
			send(t, client, pgtest.FromClient, `Query "OURS 0"`)
			if intercepted || !known {
				expect(t, client, pgtest.FromServer, `RowDescription [n:23:0]`)
			} else {
				expect(t, server, pgtest.FromClient, `Query "OURS 0"`)
			}
		}
	}
}

// opener refuses every session.
type opener struct{ err error }

func (o opener) Open(context.Context, *proxy.Session) (proxy.Handler, error) { return nil, o.err }

func TestInterceptorThatRefuses(t *testing.T) {
	r := newRig(t, func(cfg *proxy.Config) {
		cfg.Interceptor = opener{&proxy.Error{Code: "42501", Message: "not you"}}
	})
	client := r.dial()
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	if err := pgtest.Welcome(r.accept(), pgtest.DefaultKey); err != nil {
		t.Fatal(err)
	}
	refused(t, client, `C="42501" M="not you"`)
}

func TestGreeting(t *testing.T) {
	h := newWordHandler()
	h.greeting = []*proxy.Notice{{Message: "welcome"}}
	r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = h })
	client := r.dial()
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	if err := pgtest.Welcome(r.accept(), pgtest.DefaultKey); err != nil {
		t.Fatal(err)
	}
	expect(t, client, pgtest.FromServer, `Authentication 0 ""`, `ParameterStatus "server_version" "15.0"`,
		`BackendKeyData "\x00\x00\x12g\x01\x02\x03\x04"`, `NoticeResponse S="NOTICE" V="NOTICE" C="00000" M="welcome"`, `ReadyForQuery I`)
}
