package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
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
	// Next is another host, for when this one cannot be reached; nil: there is none. Random tries them in any order (libpq's
	// load_balance_hosts). Timeout bounds the attempt at each (connect_timeout); 0: they share what time there is.
	Next    *Upstream
	Random  bool
	Timeout time.Duration
	// Target is libpq's target_session_attrs, "" for any: hosts that Probe finds to be something else are left out. Probe asks the host at an
	// address what it is, as somebody who may log in there.
	Target string
	Probe  func(ctx context.Context, address string) (HostState, error)
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
	if u.Target != "" && !slices.Contains(targets, u.Target) {
		return fmt.Errorf("upstream: invalid target_session_attrs %q: it is one of %s", u.Target, strings.Join(targets, ", "))
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
// documentation. The parameters host, port, sslmode, sslrootcert, sslcert, sslkey, sslsni, sslnegotiation, connect_timeout,
// load_balance_hosts and target_session_attrs count; others are
// somebody else's. User and password are not looked at.
func ParseUpstream(dsn string) (Upstream, error) {
	one, hosts := splitHosts(dsn)
	parsed, err := url.Parse(one)
	if err != nil {
		return Upstream{}, errors.New("upstream: invalid connection URI") // the cause may quote a password
	}
	if parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
		return Upstream{}, errors.New("upstream: a connection URI begins with postgres:// or postgresql://")
	}
	query := parsed.Query()
	if h := query.Get("host"); h != "" {
		hosts = strings.Split(h, ",")
	}
	ports := strings.Split(query.Get("port"), ",")
	if len(ports) > 1 && len(ports) != len(hosts) {
		return Upstream{}, fmt.Errorf("upstream: %d ports for %d hosts", len(ports), len(hosts))
	}
	timeout, err := connectTimeout(query)
	if err != nil {
		return Upstream{}, err
	}
	var first *Upstream
	for i := len(hosts) - 1; i >= 0; i-- {
		host, port := hosts[i], ""
		if h, p, err := net.SplitHostPort(host); err == nil {
			host, port = h, p
		}
		if p := ports[min(i, len(ports)-1)]; p != "" {
			port = p
		}
		u, err := upstreamHost(strings.Trim(host, "[]"), port, query)
		if err != nil {
			return Upstream{}, err
		}
		u.Database = orDefault(query.Get("dbname"), strings.TrimPrefix(parsed.Path, "/"))
		u.Next, u.Random, u.Timeout = first, query.Get("load_balance_hosts") == "random", timeout
		first = &u
	}
	return *first, nil
}

// splitHosts cuts the hosts out of a URI, and leaves one of them there: net/url knows no more.
func splitHosts(dsn string) (one string, hosts []string) {
	scheme, rest, _ := strings.Cut(dsn, "://")
	end := len(rest)
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		end = i
	}
	at := strings.LastIndexByte(rest[:end], '@') + 1
	hosts = strings.Split(rest[at:end], ",")
	if len(hosts) == 1 {
		return dsn, hosts
	}
	return scheme + "://" + rest[:at] + hosts[0] + rest[end:], hosts
}

// connectTimeout reads what there is to say about making connections to several hosts.
func connectTimeout(query url.Values) (time.Duration, error) {
	switch balance := query.Get("load_balance_hosts"); balance {
	case "", "disable", "random":
	default:
		return 0, fmt.Errorf("upstream: invalid load_balance_hosts %q", balance)
	}
	text := query.Get("connect_timeout")
	if text == "" {
		return 0, nil
	}
	seconds, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("upstream: invalid connect_timeout %q", text)
	}
	if seconds == 1 {
		seconds = 2 // as libpq has it
	}
	return time.Duration(max(0, seconds)) * time.Second, nil
}

// upstreamHost is one host of a URI.
func upstreamHost(host, port string, query url.Values) (Upstream, error) {
	host, port = orDefault(host, "localhost"), orDefault(port, "5432")
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return Upstream{}, fmt.Errorf("upstream: invalid port %q", port)
	}
	mode := "prefer"
	if query.Get("sslrootcert") == "system" {
		mode = "verify-full" // libpq's default then
	}
	u := Upstream{
		Network: "tcp",
		Address: net.JoinHostPort(host, port),
		SSLMode: orDefault(query.Get("sslmode"), mode),
		Direct:  query.Get("sslnegotiation") == "direct",
		Target:  query.Get("target_session_attrs"),
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
	var err error
	u.TLS, err = upstreamTLS(u.SSLMode, host, query)
	return u, err
}
