package proxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// alpnProtocol is what a client names when it negotiates TLS directly. See "SSL
// Session Encryption" in the PostgreSQL documentation.
const alpnProtocol = "postgresql"

// certificates are the files of TLS towards clients. They are looked at when a
// client connects, at most once a second, and read again when they have
// changed; if the new ones cannot be used the old ones stay. Safe for
// concurrent use.
type certificates struct {
	certFile, keyFile, caFile string
	log                       logrus.FieldLogger

	mu      sync.Mutex
	checked time.Time
	stamps  [3]stamp
	config  *tls.Config
}

// stamp is what tells that a file has changed.
type stamp struct {
	modified time.Time
	size     int64
}

// NewClientTLS makes a Config's ClientTLS from a certificate with its key and,
// if caFile is not "", the authorities of client certificates, which clients
// must have then. Files that change are read again; a failure to do so goes to log.
func NewClientTLS(certFile, keyFile, caFile string, log logrus.FieldLogger) (*tls.Config, error) {
	if log == nil {
		log = silentLogger()
	}
	c := &certificates{certFile: certFile, keyFile: keyFile, caFile: caFile, log: log}
	stamps, err := c.look()
	if err != nil {
		return nil, fmt.Errorf("client tls: %w", err)
	}
	if c.config, err = c.load(); err != nil {
		return nil, fmt.Errorf("client tls: %w", err)
	}
	c.stamps = stamps
	cfg := c.config.Clone()
	cfg.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.current(), nil }
	return cfg, nil
}

// current is the configuration for a client that connects now.
func (c *certificates) current() *tls.Config {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.checked) < time.Second {
		return c.config
	}
	c.checked = time.Now()
	stamps, err := c.look()
	if err != nil {
		c.log.WithError(err).Error("cannot look at the TLS certificate, keeping the old one")
		return c.config
	}
	if stamps == c.stamps {
		return c.config
	}
	c.stamps = stamps
	config, err := c.load()
	if err != nil {
		c.log.WithError(err).Error("cannot use the new TLS certificate, keeping the old one")
		return c.config
	}
	c.config = config
	c.log.Info("TLS certificate read again")
	return c.config
}

func (c *certificates) look() (stamps [3]stamp, err error) {
	for i, name := range []string{c.certFile, c.keyFile, c.caFile} {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return stamps, err
		}
		stamps[i] = stamp{info.ModTime(), info.Size()}
	}
	return stamps, nil
}

func (c *certificates) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return nil, err
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{alpnProtocol}}
	if c.caFile == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(c.caFile)
	if err != nil {
		return nil, err
	}
	cfg.ClientCAs = x509.NewCertPool()
	if !cfg.ClientCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("no certificate in %s", c.caFile)
	}
	cfg.ClientAuth = tls.RequireAndVerifyClientCert
	return cfg, nil
}

// acceptTLS does the server's half of a handshake. direct says that the client
// began with it, so that it has to name the protocol.
func acceptTLS(conn net.Conn, cfg *tls.Config, direct bool) (net.Conn, error) {
	secured := tls.Server(conn, cfg)
	if err := secured.Handshake(); err != nil {
		return nil, fmt.Errorf("tls handshake: %w", err)
	}
	if direct && secured.ConnectionState().NegotiatedProtocol != alpnProtocol {
		return nil, errors.New("tls handshake: the client did not name the protocol " + alpnProtocol)
	}
	return secured, nil
}
