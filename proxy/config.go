package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"time"

	"github.com/sirupsen/logrus"
)

// Config configures a Server. (skeleton: H3 completes it; these fields are what others rely on)
type Config struct {
	// Upstream says where and how to reach the server.
	Upstream Upstream
	// Interceptor may be nil: a bare relay.
	Interceptor Interceptor
	// Database, if set, is used for sessions whether or not the client names one.
	Logger logrus.FieldLogger
	// TLS towards clients; nil: none.
	ClientTLS *tls.Config
	// DrainTimeout bounds how long running sessions may finish after shutdown began.
	DrainTimeout time.Duration
}

// Upstream is the server behind the proxy.
type Upstream struct {
	Network, Address string // "tcp", "host:port" or "unix", "/path/.s.PGSQL.5432"
	SSLMode          string // disable, allow, prefer, require, verify-ca, verify-full
	TLS              *tls.Config
}

// Server accepts clients and relays each to the server.
type Server struct{}

// NewServer checks the configuration.
func NewServer(cfg Config) (*Server, error) { panic("skeleton") }

// Serve accepts on ln until ctx ends, then drains and returns when the last session has ended. It closes ln.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error { panic("skeleton") }
