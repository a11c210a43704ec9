package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"mzproxy/proxy/netpoll"
)

// sslRequestCode is the request code of an SSLRequest message.
const sslRequestCode = 80877103

// Upstream is the server behind the proxy.
type Upstream struct {
	Network, Address string // "tcp", "host:port" or "unix", "/path/.s.PGSQL.5432"
	// SSLMode is disable, allow, prefer, require, verify-ca or verify-full, with
	// libpq's meaning; "" means prefer.
	SSLMode string
	// TLS is the configuration for the modes that use TLS; nil: none is needed
	// for disable, and made from SSLMode alone otherwise.
	TLS *tls.Config
	// Direct negotiates TLS with the first byte instead of an SSLRequest
	// (libpq's sslnegotiation=direct).
	Direct bool
	// Database is used for sessions that name none; "": the server's default.
	Database string
}

// Validate reports what cannot work.
func (u Upstream) Validate() error {
	if u.Address == "" {
		return errors.New("upstream: no address")
	}
	if u.Network != "tcp" && u.Network != "unix" {
		return fmt.Errorf("upstream: unknown network %q", u.Network)
	}
	switch u.SSLMode {
	case "", "disable", "allow", "prefer", "require", "verify-ca", "verify-full":
	default:
		return fmt.Errorf("upstream: invalid sslmode %q", u.SSLMode)
	}
	if u.Direct && !u.mustEncrypt() {
		return fmt.Errorf("upstream: sslnegotiation=direct needs sslmode require, verify-ca or verify-full, not %q", u.SSLMode)
	}
	return nil
}

func (u Upstream) mustEncrypt() bool {
	return u.SSLMode == "require" || strings.HasPrefix(u.SSLMode, "verify-")
}

// ParseUpstream reads a connection URI, as in "Connection Strings" of libpq's
// documentation. The parameters sslmode, sslrootcert, sslcert, sslkey, sslsni and
// sslnegotiation count, and host with the directory of a Unix socket; others are
// somebody else's. User and password are not looked at.
func ParseUpstream(dsn string) (Upstream, error) {
	parsed, err := url.Parse(dsn)
	if err != nil {
		return Upstream{}, errors.New("upstream: invalid connection URI") // the cause may quote a password
	}
	if parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
		return Upstream{}, errors.New("upstream: a connection URI begins with postgres:// or postgresql://")
	}
	query := parsed.Query()
	host, port := parsed.Hostname(), parsed.Port()
	if h := query.Get("host"); h != "" {
		host = h
	}
	if p := query.Get("port"); p != "" {
		port = p
	}
	host, port = orDefault(host, "localhost"), orDefault(port, "5432")
	mode := "prefer"
	if query.Get("sslrootcert") == "system" {
		mode = "verify-full" // libpq's default then
	}
	u := Upstream{
		Network:  "tcp",
		Address:  net.JoinHostPort(host, port),
		SSLMode:  orDefault(query.Get("sslmode"), mode),
		Direct:   query.Get("sslnegotiation") == "direct",
		Database: orDefault(query.Get("dbname"), strings.TrimPrefix(parsed.Path, "/")),
	}
	if strings.HasPrefix(host, "/") {
		u.Network, u.Address = "unix", filepath.Join(host, ".s.PGSQL."+port)
	}
	if err := u.Validate(); err != nil {
		return Upstream{}, err
	}
	if u.SSLMode == "disable" || u.Network == "unix" {
		return u, nil
	}
	u.TLS, err = upstreamTLS(u.SSLMode, host, query)
	return u, err
}

// upstreamTLS gives the sslmodes their meaning: see "Protection Provided in
// Different Modes" in libpq's documentation.
func upstreamTLS(mode, host string, query url.Values) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	root := query.Get("sslrootcert")
	switch {
	case root == "system":
		if mode != "verify-full" {
			return nil, fmt.Errorf("upstream: sslrootcert=system needs sslmode=verify-full, not %q", mode)
		}
	case root != "":
		pem, err := os.ReadFile(root)
		if err != nil {
			return nil, fmt.Errorf("upstream: sslrootcert: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("upstream: sslrootcert: no certificate in %s", root)
		}
		if mode == "require" {
			mode = "verify-ca" // as libpq does where a root certificate is given
		}
	}
	if query.Get("sslsni") == "0" {
		cfg.ServerName = ""
	}
	if mode != "verify-full" || cfg.ServerName == "" {
		cfg.InsecureSkipVerify = true
	}
	roots := cfg.RootCAs
	switch {
	case mode == "verify-ca":
		cfg.VerifyConnection = func(cs tls.ConnectionState) error { return verifyChain(cs, roots, "") }
	case mode == "verify-full" && cfg.InsecureSkipVerify:
		cfg.VerifyConnection = func(cs tls.ConnectionState) error { return verifyChain(cs, roots, host) }
	}
	if cert := query.Get("sslcert"); cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, query.Get("sslkey"))
		if err != nil {
			return nil, fmt.Errorf("upstream: sslcert: %w", err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	return cfg, nil
}

// verifyChain checks the server's certificate, and its name if host is not "".
func verifyChain(cs tls.ConnectionState, roots *x509.CertPool, host string) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the server sent no certificate")
	}
	options := x509.VerifyOptions{Roots: roots, DNSName: host, Intermediates: x509.NewCertPool()}
	for _, cert := range cs.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	_, err := cs.PeerCertificates[0].Verify(options)
	return err
}

// dial connects to the server as sslmode says. plain tells the modes allow and
// prefer which of their two ways to take.
func (u Upstream) dial(ctx context.Context, t *netpoll.Task, keepAlive net.KeepAliveConfig, plain bool) (net.Conn, error) {
	conn, err := netpoll.Dial(ctx, t, u.Network, u.Address, keepAlive)
	if err != nil {
		return nil, err
	}
	if plain || u.Network == "unix" || u.SSLMode == "disable" {
		return conn, nil
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(netpoll.Past) })
	secured, err := u.secure(t, conn)
	if !stop() {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close()
	}
	if errors.Is(err, errHandshake) && u.prefers() && ctx.Err() == nil {
		return u.dial(ctx, t, keepAlive, true)
	}
	if err != nil {
		return nil, err
	}
	return secured, nil
}

// errHandshake is a server that agreed to TLS, with which it then came to nothing.
var errHandshake = errors.New("tls handshake")

// prefers reports whether plaintext does where TLS does not work.
func (u Upstream) prefers() bool { return u.SSLMode == "" || u.SSLMode == "prefer" }

// tlsConn is an encrypted connection.
type tlsConn interface{ ConnectionState() tls.ConnectionState }

// errOtherWay is a server that refused a client before it asked who that is,
// where sslmode has another way to try.
var errOtherWay = errors.New("refused, to be tried with other encryption")

// hasAlternative reports whether a refusal of the session may be due to conn
// being encrypted, or not being encrypted. See "libpq: SSL Support", allow and prefer.
func (u Upstream) hasAlternative(conn net.Conn) bool {
	_, secured := conn.(tlsConn)
	if u.SSLMode == "allow" {
		return !secured && u.Network != "unix"
	}
	return u.prefers() && secured
}

// secure negotiates TLS; a server without gets plaintext where that is allowed. A deadline of conn
// ends it: a context of the handshake would close conn, while it is read.
func (u Upstream) secure(t *netpoll.Task, conn net.Conn) (net.Conn, error) {
	cfg := u.TLS
	if cfg == nil {
		cfg = &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
	}
	if u.Direct {
		cfg = cfg.Clone()
		cfg.NextProtos = []string{alpnProtocol}
	} else {
		request := binary.BigEndian.AppendUint32(nil, 8)
		if _, err := conn.Write(binary.BigEndian.AppendUint32(request, sslRequestCode)); err != nil {
			return nil, err
		}
		var answer [1]byte
		if _, err := io.ReadFull(conn, answer[:]); err != nil {
			return nil, fmt.Errorf("negotiate TLS: %w", err)
		}
		switch {
		case answer[0] == 'S':
		case answer[0] == 'N' && !u.mustEncrypt():
			return conn, nil
		case answer[0] == 'N':
			return nil, fmt.Errorf("negotiate TLS: the server does not support it, but sslmode is %q", u.SSLMode)
		default:
			return nil, errors.New("negotiate TLS: unexpected answer of the server")
		}
	}
	t.Detach()
	secured := tls.Client(conn, cfg)
	if err := secured.Handshake(); err != nil {
		return nil, fmt.Errorf("negotiate TLS: %w: %w", errHandshake, err)
	}
	if u.Direct && secured.ConnectionState().NegotiatedProtocol != alpnProtocol {
		return nil, errors.New("negotiate TLS: the server did not name the protocol " + alpnProtocol)
	}
	return secured, nil
}
