package proxy

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/sirupsen/logrus"
)

// Defaults of a Config: what a zero field means.
const (
	DefaultMaxSessions       = 10_000
	DefaultStartupTimeout    = 60 * time.Second // PostgreSQL's authentication_timeout
	DefaultDialTimeout       = 10 * time.Second
	DefaultDrainTimeout      = 30 * time.Second
	DefaultKeepAlive         = 60 * time.Second
	DefaultMaxStartupPacket  = 10_000 // bytes; PostgreSQL's MAX_STARTUP_PACKET_LENGTH
	startupMessageLimit      = 1 << 20
	cancelConnectionsReserve = 64
)

// Config configures a Server. The zero value of every field but Upstream is
// useful.
type Config struct {
	// Upstream says where and how to reach the server.
	Upstream Upstream
	// Interceptor may be nil: a bare relay.
	Interceptor Interceptor
	// Replication is set where the server is PostgreSQL, which has a replication protocol: sessions that ask for it at their
	// start are relayed without the Interceptor. Other servers ignore the parameter, and so does the proxy then.
	Replication bool
	// Logger gets one line per session and what goes wrong; nil: nothing.
	Logger logrus.FieldLogger
	// Monitor hears of sessions; may be nil.
	Monitor Monitor
	// ClientTLS says how clients may encrypt; nil: not at all. See NewClientTLS.
	ClientTLS *tls.Config
	// RequireTLS refuses clients that do not encrypt, before they send a password.
	RequireTLS bool
	// DrainTimeout bounds how long running sessions may go on after shutdown began.
	DrainTimeout time.Duration
	// Youth is how old a session has to be to count as idle when shutdown begins: who has just connected is about to ask something. 0: any is.
	Youth time.Duration
	// DialTimeout bounds the making of a connection to the server, TLS included.
	DialTimeout time.Duration
	// StartupTimeout bounds the time from accepting a client to its first
	// ReadyForQuery.
	StartupTimeout time.Duration
	// MaxSessions bounds the sessions at one time, MaxSessionsPerAddress those
	// of one client address (0: a quarter).
	MaxSessions, MaxSessionsPerAddress int
	// MaxStartupPacket bounds the first packet of a client, in bytes.
	MaxStartupPacket int
	// KeepAlive is the TCP keepalive interval on both sides; negative: off.
	KeepAlive time.Duration
}

// Validate reports the first thing that cannot work.
func (c Config) Validate() error {
	if err := c.Upstream.Validate(); err != nil {
		return err
	}
	switch {
	case c.RequireTLS && c.ClientTLS == nil:
		return errors.New("config: TLS is required of clients, but there is no certificate")
	case c.MaxSessions < 0 || c.MaxSessionsPerAddress < 0:
		return errors.New("config: a limit on sessions may not be negative")
	case c.DrainTimeout < 0 || c.DialTimeout < 0 || c.StartupTimeout < 0:
		return errors.New("config: a timeout may not be negative")
	case c.MaxStartupPacket < 0 || c.MaxStartupPacket > startupMessageLimit:
		return fmt.Errorf("config: the size of a startup packet must be between 0 and %d bytes", startupMessageLimit)
	}
	return nil
}

func (c Config) withDefaults() Config {
	c.MaxSessions = orDefault(c.MaxSessions, DefaultMaxSessions)
	c.MaxSessionsPerAddress = perAddress(c.MaxSessions, c.MaxSessionsPerAddress)
	c.MaxStartupPacket = orDefault(c.MaxStartupPacket, DefaultMaxStartupPacket)
	c.DrainTimeout = orDefault(c.DrainTimeout, DefaultDrainTimeout)
	c.DialTimeout = orDefault(c.DialTimeout, DefaultDialTimeout)
	c.StartupTimeout = orDefault(c.StartupTimeout, DefaultStartupTimeout)
	c.KeepAlive = orDefault(c.KeepAlive, DefaultKeepAlive)
	if c.ClientTLS != nil && len(c.ClientTLS.NextProtos) == 0 {
		c.ClientTLS = c.ClientTLS.Clone()
		c.ClientTLS.NextProtos = []string{alpnProtocol}
	}
	if c.Logger == nil {
		c.Logger = silentLogger()
	}
	return c
}

// perAddress is the bound on sessions of one client address: as given, or a part of all that leaves room for others.
func perAddress(sessions, given int) int {
	return orDefault(given, max(sessions/4, min(sessions, 100)))
}

func orDefault[T comparable](value, standard T) T {
	var zero T
	if value == zero {
		return standard
	}
	return value
}

// keepAlive is the TCP configuration of both sides.
func (c Config) keepAlive() net.KeepAliveConfig {
	return net.KeepAliveConfig{Enable: c.KeepAlive > 0, Idle: c.KeepAlive, Interval: c.KeepAlive / 4, Count: 4}
}
