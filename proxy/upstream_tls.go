package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"

	"mzproxy/proxy/netpoll"
)

// upstreamTLS gives the sslmodes their meaning: see "Protection Provided in
// Different Modes" in libpq's documentation. Certificates and keys count as they are when a connection is made.
func upstreamTLS(mode, host string, query url.Values) (*tls.Config, error) {
	cfg := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	root := query.Get("sslrootcert")
	switch {
	case root == "system":
		if mode != "verify-full" {
			return nil, fmt.Errorf("upstream: sslrootcert=system needs sslmode=verify-full, not %q", mode)
		}
	case root != "":
		if _, err := rootsIn(root); err != nil {
			return nil, err
		}
		if mode == "require" {
			mode = "verify-ca" // as libpq does where a root certificate is given
		}
	}
	if query.Get("sslsni") == "0" {
		cfg.ServerName = ""
	}
	cfg.InsecureSkipVerify = true // VerifyConnection does it
	if name, verifies := map[string]string{"verify-ca": "", "verify-full": host}[mode]; verifies {
		cfg.VerifyConnection = func(cs tls.ConnectionState) error {
			roots, err := rootsIn(root)
			if err != nil {
				return err
			}
			return verifyChain(cs, roots, name)
		}
	}
	if cert, key := query.Get("sslcert"), query.Get("sslkey"); cert != "" {
		load := func() (*tls.Certificate, error) {
			pair, err := tls.LoadX509KeyPair(cert, key)
			if err != nil {
				return nil, fmt.Errorf("upstream: sslcert: %w", err)
			}
			return &pair, nil
		}
		if _, err := load(); err != nil {
			return nil, err
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return load() }
	}
	return cfg, nil
}

// rootsIn reads root certificates; nil: the system's. It is asked for every connection: a file may be another one by then,
// and reading it takes less than the handshake by far.
func rootsIn(file string) (*x509.CertPool, error) {
	if file == "" || file == "system" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("upstream: sslrootcert: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("upstream: sslrootcert: no certificate in %s", file)
	}
	return roots, nil
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
