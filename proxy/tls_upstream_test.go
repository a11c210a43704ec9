package proxy_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"os"
	"testing"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

// secured makes the rig's upstream one with TLS, to be verified in full.
func (a *authority) secured(mode string, direct bool) func(*proxy.Config) {
	return func(cfg *proxy.Config) {
		cfg.Upstream.SSLMode, cfg.Upstream.Direct, cfg.Upstream.TLS = mode, direct, a.client()
	}
}

func (a *authority) serverConfig(t *testing.T, protocols ...string) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(a.file("server.crt"), a.file("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: protocols, MinVersion: tls.VersionTLS12}
}

// Direct negotiation begins with the handshake and names the protocol; the name
// of the server is told (SNI).
func TestDirectTLSTowardsTheServer(t *testing.T) {
	a := newAuthority(t)
	r := newRig(t, a.secured("verify-full", true))
	client := r.dial()
	entered := make(chan error, 1)
	go func() { entered <- pgtest.Enter(client) }()
	server := tls.Server(r.accept(), a.serverConfig(t, "postgresql"))
	if err := pgtest.Welcome(server, pgtest.DefaultKey); err != nil {
		t.Fatal(err)
	}
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	if state := server.ConnectionState(); state.NegotiatedProtocol != "postgresql" || state.ServerName != "localhost" {
		t.Errorf("protocol %q, name %q", state.NegotiatedProtocol, state.ServerName)
	}
	send(t, client, pgtest.FromClient, `Query "SELECT 1"`)
	expect(t, server, pgtest.FromClient, `Query "SELECT 1"`)
	send(t, server, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
	expect(t, client, pgtest.FromServer, `CommandComplete "SELECT 1"`, `ReadyForQuery I`)
}

// A server that does not name the protocol may speak any other one.
func TestDirectTLSWithoutAProtocol(t *testing.T) {
	a := newAuthority(t)
	r := newRig(t, a.secured("verify-full", true))
	client := r.dial()
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	server := tls.Server(r.accept(), a.serverConfig(t))
	if err := server.Handshake(); err != nil {
		t.Fatal(err)
	}
	refused(t, client, `C="08001" M="could not connect to server"`)
}

// With sslsni=0 the server is not told its name in plaintext, but has to have it.
func TestNameOfTheServerIsKept(t *testing.T) {
	a := newAuthority(t)
	r := newRig(t, func(cfg *proxy.Config) {
		u, err := proxy.ParseUpstream("postgres://localhost/?sslmode=verify-full&sslsni=0&sslrootcert=" + a.file("ca.crt"))
		if err != nil {
			t.Fatal(err)
		}
		u.Address = cfg.Upstream.Address
		cfg.Upstream = u
	})
	client := r.dial()
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	conn := r.accept()
	if _, err := pgtest.ReadPacket(conn); err != nil {
		t.Fatal(err)
	}
	_, _ = conn.Write([]byte{'S'})
	server := tls.Server(conn, a.serverConfig(t))
	if err := pgtest.Welcome(server, pgtest.DefaultKey); err != nil {
		t.Fatal(err)
	}
	if name := server.ConnectionState().ServerName; name != "" {
		t.Errorf("the server was told its name, %q", name)
	}
}

// What a server does with an SSLRequest, and what the modes make of it.
func TestNegotiationWithTheServer(t *testing.T) {
	a := newAuthority(t)
	const refusal = `C="08001" M="could not connect to server"`
	for name, c := range map[string]struct {
		mode   string
		answer string
		plain  bool // the session goes on in plaintext
	}{
		"prefer, none":                    {"prefer", "N", true},
		"require, none":                   {"require", "N", false},
		"require, nonsense":               {"require", "E", false},
		"require, a handshake that fails": {"require", "Snonsense", false},
		"prefer, a handshake that fails":  {"prefer", "Snonsense", true},
		"require, plaintext after the S ": {"require", "S" + string(pgtest.Greeting(pgtest.DefaultKey)), false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, a.secured(c.mode, false))
			client := r.dial()
			_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
			server := r.accept()
			if _, err := pgtest.ReadPacket(server); err != nil {
				t.Fatal(err)
			}
			_, _ = server.Write([]byte(c.answer))
			if !c.plain {
				refused(t, client, refusal)
				return
			}
			if len(c.answer) > 1 { // again, without
				_, _ = io.Copy(io.Discard, server)
				server = r.accept()
			}
			if err := pgtest.Welcome(server, pgtest.DefaultKey); err != nil {
				t.Fatal(err)
			}
			expect(t, client, pgtest.FromServer, `Authentication 0 ""`)
		})
	}
}

// Certificates towards the server count as they are when a connection is made.
func TestCertificatesTowardsTheServerThatChange(t *testing.T) {
	old, other := newAuthority(t), newAuthority(t)
	old.issue(t, "me", "me")
	root, cert, key := old.file("ca.crt"), old.file("me.crt"), old.file("me.key")
	u, err := proxy.ParseUpstream("postgres://localhost/?sslmode=verify-full&sslrootcert=" + root + "&sslcert=" + cert + "&sslkey=" + key)
	if err != nil {
		t.Fatal(err)
	}
	shown := func() string {
		pair, err := u.TLS.GetClientCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return string(pair.Certificate[0])
	}
	trusts := func(a *authority) bool {
		pair, err := tls.LoadX509KeyPair(a.file("server.crt"), a.file("server.key"))
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return u.TLS.VerifyConnection(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}) == nil
	}
	before := shown()
	if !trusts(old) || trusts(other) {
		t.Error("the wrong authority is trusted")
	}
	old.issue(t, "me", "me")
	if err := os.Remove(root); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other.file("ca.crt"), root); err != nil {
		t.Fatal(err)
	}
	if trusts(old) || !trusts(other) {
		t.Error("the authority is still the old one")
	}
	if shown() == before {
		t.Error("the certificate is still the old one")
	}
}
