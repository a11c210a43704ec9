package proxy

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"

	"mzproxy/proxy/netpoll"
	"mzproxy/proxy/wire"
)

// Request codes of the packets without a type byte. See "Message Formats" in the
// PostgreSQL documentation.
const (
	cancelRequestCode = 80877102
	gssEncRequestCode = 80877104
	protocolMajor     = 3
	tlsHandshakeByte  = 0x16 // first byte of a TLS ClientHello
	// maxCancelKey is the longest secret of protocol 3.2.
	maxCancelKey = 256
)

// A startup is what a client wants when it has connected: a session, or to cancel
// what runs in another one.
type startup struct {
	conn    net.Conn // encrypted, if the client asked for it
	task    *netpoll.Task
	secured bool
	packet  []byte // the latest one
	rest    []byte // was read after it
	cancel  *cancelKey
	version uint32
	params  map[string]string
	order   []string // names of params as they came
}

// cancelKey names a backend and proves that it may be cancelled.
type cancelKey struct {
	pid    uint32
	secret string
}

// readStartup reads the client's first packets up to a StartupMessage or a
// CancelRequest. Each encryption may be asked for once, in plaintext only.
func readStartup(conn net.Conn, cfg *Config, t *netpoll.Task) (*startup, error) {
	p := &startup{conn: conn, task: t}
	askedTLS, askedGSS := false, false
	for {
		code, body, err := p.read(cfg)
		if err != nil {
			return p, err
		}
		switch code {
		case sslRequestCode:
			if askedTLS || p.secured {
				return p, wire.Malformed("unexpected SSLRequest message")
			}
			askedTLS = true
			if err := p.negotiate(cfg.ClientTLS); err != nil {
				return p, err
			}
		case gssEncRequestCode:
			if askedGSS || p.secured {
				return p, wire.Malformed("unexpected GSSENCRequest message")
			}
			askedGSS = true
			if _, err := p.conn.Write([]byte{'N'}); err != nil {
				return p, err
			}
		case cancelRequestCode:
			if len(body) < 5 || len(body) > 4+maxCancelKey {
				return p, wire.Malformed("invalid length of a cancel request")
			}
			p.cancel = &cancelKey{pid: binary.BigEndian.Uint32(body), secret: string(body[4:])}
			return p, nil
		default:
			return p, p.accept(code, body, cfg)
		}
	}
}

// startupSize is what is read at first: more than most StartupMessages.
const startupSize = 512

// read reads a packet without a type byte. A TLS ClientHello in its place is a direct negotiation.
func (p *startup) read(cfg *Config) (code uint32, body []byte, err error) {
	if err := p.fill(1); err != nil {
		return 0, nil, err
	}
	if p.rest[0] == tlsHandshakeByte && !p.secured && cfg.ClientTLS != nil {
		if err := p.secure(cfg.ClientTLS, true); err != nil {
			return 0, nil, err
		}
		return p.read(cfg)
	}
	if err := p.fill(8); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(p.rest)
	if length < 8 || length > uint32(cfg.MaxStartupPacket)+4 { // the limit does not count the length itself
		return 0, nil, wire.Malformed("invalid length of startup packet")
	}
	if err := p.fill(int(length)); err != nil {
		return 0, nil, err
	}
	p.packet, p.rest = p.rest[:length], p.rest[length:]
	return binary.BigEndian.Uint32(p.packet[4:]), p.packet[8:], nil
}

// fill reads until rest has at least n bytes.
func (p *startup) fill(n int) error {
	if n <= len(p.rest) {
		return nil
	}
	have := len(p.rest)
	p.rest = append(make([]byte, 0, max(n, startupSize)), p.rest...)
	more, err := io.ReadAtLeast(p.conn, p.rest[have:cap(p.rest)], n-have)
	p.rest = p.rest[:have+more]
	if errors.Is(err, io.EOF) && have > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// negotiate answers an SSLRequest.
func (p *startup) negotiate(t *tls.Config) error {
	if t == nil {
		_, err := p.conn.Write([]byte{'N'})
		return err
	}
	if _, err := p.conn.Write([]byte{'S'}); err != nil {
		return err
	}
	return p.secure(t, false)
}

// secure goes on with TLS, of which what was read too far is a part.
func (p *startup) secure(t *tls.Config, direct bool) error {
	p.task.Detach()
	conn := p.conn
	if len(p.rest) > 0 {
		conn = &unreadConn{Conn: conn, first: p.rest}
	}
	secured, err := acceptTLS(conn, t, direct)
	if err != nil {
		return err
	}
	p.conn, p.secured, p.rest = secured, true, nil
	return nil
}

func (p *startup) accept(version uint32, body []byte, cfg *Config) error {
	if version>>16 != protocolMajor {
		return wire.Fatal(wire.CodeFeatureNotSupported, fmt.Sprintf("unsupported frontend protocol %d.%d: server supports 3.0 to 3.2", version>>16, version&0xffff), nil)
	}
	p.version = version
	if err := p.decode(body); err != nil {
		return err
	}
	if cfg.RequireTLS && !p.secured {
		e := wire.Fatal(wire.CodeInvalidAuthorization, "connection requires encryption", nil)
		e.Hint = "Connect with sslmode=require or stronger."
		return e
	}
	if p.params["user"] == "" {
		return wire.Fatal(wire.CodeInvalidAuthorization, "no PostgreSQL user name specified in startup packet", nil)
	}
	return nil
}

// decode reads the parameters: pairs of strings and a zero byte.
func (p *startup) decode(body []byte) error {
	p.params = map[string]string{}
	for {
		name, rest, ok := wire.CutString(body)
		if !ok {
			return wire.Malformed("invalid startup packet layout: expected terminator as last byte")
		}
		if len(name) == 0 {
			if len(rest) > 0 {
				return wire.Malformed("invalid startup packet layout: expected terminator as last byte")
			}
			return nil
		}
		value, rest, ok := wire.CutString(rest)
		if !ok {
			return wire.Malformed("invalid startup packet layout: expected terminator as last byte")
		}
		if _, twice := p.params[string(name)]; !twice {
			p.order = append(p.order, string(name))
		}
		p.params[string(name)] = string(value)
		body = rest
	}
}

// parameters returns the parameters as they came.
func (p *startup) parameters() wire.Parameters {
	return wire.NewParameters(p.packet[8 : len(p.packet)-1])
}

// encode makes the StartupMessage for the server: params, in the client's order
// as far as it had them.
func (p *startup) encode(params map[string]string) []byte {
	names := slices.DeleteFunc(slices.Clone(p.order), func(n string) bool { _, ok := params[n]; return !ok })
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	packet := binary.BigEndian.AppendUint32(make([]byte, 4, 256), p.version)
	for _, name := range names {
		packet = append(append(packet, name...), 0)
		packet = append(append(packet, params[name]...), 0)
	}
	packet = append(packet, 0)
	binary.BigEndian.PutUint32(packet, uint32(len(packet)))
	return packet
}

// unreadConn gives back the bytes that were read too far.
type unreadConn struct {
	net.Conn
	first []byte
}

// NetConn is the connection itself, as that of a tls.Conn.
func (c *unreadConn) NetConn() net.Conn { return c.Conn }

func (c *unreadConn) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}

// quietEnd reports whether a client just went away, which is nobody's error.
func quietEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF)
}
