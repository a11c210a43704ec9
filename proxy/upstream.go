package proxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

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
	// Next is another host, for when this one cannot be reached; nil: there is none. Random tries them in any order (libpq's
	// load_balance_hosts). Timeout bounds the attempt at each (connect_timeout); 0: they share what time there is.
	Next    *Upstream
	Random  bool
	Timeout time.Duration
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
	switch attrs := query.Get("target_session_attrs"); attrs {
	case "", "any":
	default:
		return 0, fmt.Errorf("upstream: target_session_attrs=%s cannot be had: clients log in themselves, so the proxy cannot try another host after that", attrs)
	}
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

// dial connects to the first host that can be reached, and returns which that is.
func (u *Upstream) dial(ctx context.Context, t *netpoll.Task, keepAlive net.KeepAliveConfig, plain bool) (net.Conn, *Upstream, error) {
	hosts := u.hosts()
	var errs []error
	for i, host := range hosts {
		attempt, done := host.attempt(ctx, len(hosts)-i)
		conn, err := host.dialHost(attempt, t, keepAlive, plain)
		done()
		if err == nil {
			return conn, host, nil
		}
		errs = append(errs, err)
	}
	if len(errs) == 1 {
		return nil, nil, errs[0]
	}
	return nil, nil, errors.Join(errs...)
}

// hosts are the hosts in the order in which they are tried.
func (u *Upstream) hosts() (list []*Upstream) {
	for host := u; host != nil; host = host.Next {
		list = append(list, host)
	}
	if u.Random {
		rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	}
	return list
}

// attempt bounds the time for a host, of which there are so many left.
func (u Upstream) attempt(ctx context.Context, left int) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	switch {
	case u.Timeout > 0:
		return context.WithTimeout(ctx, u.Timeout)
	case ok && left > 1:
		return context.WithTimeout(ctx, time.Until(end)/time.Duration(left))
	}
	return context.WithCancel(ctx)
}

// dialHost connects to a host as sslmode says. plain tells the modes allow and
// prefer which of their two ways to take.
func (u Upstream) dialHost(ctx context.Context, t *netpoll.Task, keepAlive net.KeepAliveConfig, plain bool) (net.Conn, error) {
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
		return u.dialHost(ctx, t, keepAlive, true)
	}
	if err != nil {
		return nil, err
	}
	return secured, nil
}

// at is the upstream at the address that a session is connected to.
func (u Upstream) at(addr net.Addr) Upstream {
	if u.Network == "tcp" && addr != nil {
		u.Address = addr.String()
	}
	u.Next = nil
	return u
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
