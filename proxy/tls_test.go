package proxy_test

import (
	"crypto/tls"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

func TestTLSIsRequired(t *testing.T) {
	authority := newAuthority(t)
	r := newRig(t, func(cfg *proxy.Config) { cfg.ClientTLS, cfg.RequireTLS = authority.server(t), true })
	plain := r.dial()
	_, _ = plain.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	refused(t, plain, `C="28000" M="connection requires encryption" H="Connect with sslmode=require or stronger."`)
	secured := authority.dialTLS(r)
	_, _ = secured.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	if _, err := pgtest.ReadPacket(r.accept()); err != nil {
		t.Error(err)
	}
}

func TestTLSIsOptional(t *testing.T) {
	authority := newAuthority(t)
	r := newRig(t, func(cfg *proxy.Config) { cfg.ClientTLS = authority.server(t) })
	r.session()
}

// What a client sends in plaintext after its SSLRequest is part of the
// handshake, never of the session (CVE-2021-23214).
func TestPlaintextBehindAnSSLRequest(t *testing.T) {
	authority := newAuthority(t)
	r := newRig(t, func(cfg *proxy.Config) { cfg.ClientTLS = authority.server(t) })
	conn := r.dial()
	_, _ = conn.Write(append(pgtest.SSLRequest(), pgtest.Startup(pgtest.Version, "user", "u")...))
	got, _ := io.ReadAll(conn)
	if len(got) == 0 || got[0] != 'S' {
		t.Errorf("answer %q, want S and the end of the handshake", got)
	}
	nobody(t, r)
}

func TestDirectTLS(t *testing.T) {
	authority := newAuthority(t)
	r := newRig(t, func(cfg *proxy.Config) { cfg.ClientTLS = authority.server(t) })
	cfg := authority.client()
	cfg.NextProtos = []string{"postgresql"}
	client := tls.Client(r.dial(), cfg)
	_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
	if _, err := pgtest.ReadPacket(r.accept()); err != nil {
		t.Fatal(err)
	}
	for name, protocols := range map[string][]string{"no protocol": nil, "another protocol": {"h2"}} {
		t.Run(name, func(t *testing.T) {
			cfg := authority.client()
			cfg.NextProtos = protocols
			client := tls.Client(r.dial(), cfg)
			_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
			if n, err := client.Read(make([]byte, 1)); err == nil {
				t.Errorf("%d bytes came", n)
			}
		})
	}
	t.Run("no handshake", func(t *testing.T) {
		conn := r.dial()
		_, _ = conn.Write([]byte("\x16 is no handshake"))
		_, _ = io.ReadAll(conn)
	})
	r.session() // the proxy still serves
}

func TestClientCertificates(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	ca.issue(t, "client", "alice")
	other.issue(t, "client", "mallory")
	r := newRig(t, func(cfg *proxy.Config) {
		var err error
		if cfg.ClientTLS, err = proxy.NewClientTLS(ca.file("server.crt"), ca.file("server.key"), ca.file("ca.crt"), nil); err != nil {
			t.Fatal(err)
		}
	})
	for name, c := range map[string]struct {
		from *authority
		ok   bool
	}{"good": {ca, true}, "of somebody else": {other, false}, "none": {nil, false}} {
		t.Run(name, func(t *testing.T) {
			cfg := ca.client()
			if c.from != nil {
				pair, err := tls.LoadX509KeyPair(c.from.file("client.crt"), c.from.file("client.key"))
				if err != nil {
					t.Fatal(err)
				}
				cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
			}
			conn := r.dial()
			_, _ = conn.Write(pgtest.SSLRequest())
			if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
				t.Fatal(err)
			}
			client := tls.Client(conn, cfg)
			_, _ = client.Write(pgtest.Startup(pgtest.Version, "user", "u"))
			if c.ok {
				if _, err := pgtest.ReadPacket(r.accept()); err != nil {
					t.Error(err)
				}
			} else if _, err := client.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "tls") {
				t.Errorf("error %v, want one of TLS", err)
			}
		})
	}
}

// Certificates that change on disk are used for new clients; ones that cannot be
// used are not, and the log says so.
func TestCertificatesAreReadAgain(t *testing.T) {
	authority := newAuthority(t)
	log := &logBuffer{}
	r := newRig(t, func(cfg *proxy.Config) { cfg.ClientTLS = clientTLS(t, authority, log) })
	serial := func() string {
		return authority.dialTLS(r).ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	first := serial()
	authority.issue(t, "server", "localhost")
	touch(t, authority.file("server.crt"), time.Now().Add(time.Minute))
	eventually(t, "another certificate", func() bool { return serial() != first })
	second := serial()
	if err := os.WriteFile(authority.file("server.crt"), []byte("nonsense"), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a complaint", func() bool {
		if got := serial(); got != second {
			t.Fatalf("certificate %s, want the one that works", got)
		}
		return strings.Contains(log.String(), "cannot use the new TLS certificate, keeping the old one")
	})
}

func touch(t *testing.T, file string, at time.Time) {
	t.Helper()
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

func clientTLS(t *testing.T, a *authority, log io.Writer) *tls.Config {
	t.Helper()
	cfg, err := proxy.NewClientTLS(a.file("server.crt"), a.file("server.key"), "", newLogger(log))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestClientTLSThatCannotBe(t *testing.T) {
	a := newAuthority(t)
	if err := os.WriteFile(a.file("empty"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string][3]string{
		"no certificate":   {"none", "server.key", ""},
		"no key":           {"server.crt", "none", ""},
		"not its key":      {"server.crt", "empty", ""},
		"empty authority":  {"server.crt", "server.key", "empty"},
		"absent authority": {"server.crt", "server.key", "none"},
	} {
		for i, f := range files {
			if f != "" {
				files[i] = a.file(f)
			}
		}
		if _, err := proxy.NewClientTLS(files[0], files[1], files[2], nil); err == nil || !strings.HasPrefix(err.Error(), "client tls: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}
