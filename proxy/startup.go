package proxy

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"mzproxy/proxy/netpoll"
	"net"
	"slices"

	"github.com/jackc/pgproto3/v2"
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

// A hello is what a client wants when it has connected: a session, or to cancel
// what runs in another one.
type hello struct {
	conn    net.Conn // encrypted, if the client asked for it
	task    *netpoll.Task
	secured bool
	packet  []byte // the latest one
	rest    []byte // was read behind it
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

// readHello reads the client's first packets up to a StartupMessage or a
// CancelRequest. Each encryption may be asked for once, in plaintext only.
func readHello(conn net.Conn, cfg *Config, t *netpoll.Task) (*hello, error) {
	h := &hello{conn: conn, task: t}
	askedTLS, askedGSS := false, false
	for {
		code, body, err := h.read(cfg)
		if err != nil {
			return h, err
		}
		switch code {
		case sslRequestCode:
			if askedTLS || h.secured {
				return h, malformed("unexpected SSLRequest message")
			}
			askedTLS = true
			if err := h.negotiate(cfg.ClientTLS); err != nil {
				return h, err
			}
		case gssEncRequestCode:
			if askedGSS || h.secured {
				return h, malformed("unexpected GSSENCRequest message")
			}
			askedGSS = true
			if _, err := h.conn.Write([]byte{'N'}); err != nil {
				return h, err
			}
		case cancelRequestCode:
			if len(body) < 5 || len(body) > 4+maxCancelKey {
				return h, malformed("invalid length of a cancel request")
			}
			h.cancel = &cancelKey{pid: binary.BigEndian.Uint32(body), secret: string(body[4:])}
			return h, nil
		default:
			return h, h.startup(code, body, cfg)
		}
	}
}

// helloSize is what is read at first: more than most StartupMessages.
const helloSize = 512

// read reads a packet without a type byte. A TLS ClientHello in its place is a direct negotiation.
func (h *hello) read(cfg *Config) (code uint32, body []byte, err error) {
	if err := h.fill(1); err != nil {
		return 0, nil, err
	}
	if h.rest[0] == tlsHandshakeByte && !h.secured && cfg.ClientTLS != nil {
		if err := h.secure(cfg.ClientTLS, true); err != nil {
			return 0, nil, err
		}
		return h.read(cfg)
	}
	if err := h.fill(8); err != nil {
		return 0, nil, err
	}
	length := binary.BigEndian.Uint32(h.rest)
	if length < 8 || length > uint32(cfg.MaxStartupPacket)+4 { // the limit does not count the length itself
		return 0, nil, malformed("invalid length of startup packet")
	}
	if err := h.fill(int(length)); err != nil {
		return 0, nil, err
	}
	h.packet, h.rest = h.rest[:length], h.rest[length:]
	return binary.BigEndian.Uint32(h.packet[4:]), h.packet[8:], nil
}

// fill reads until rest has at least n bytes.
func (h *hello) fill(n int) error {
	if n <= len(h.rest) {
		return nil
	}
	have := len(h.rest)
	h.rest = append(make([]byte, 0, max(n, helloSize)), h.rest...)
	more, err := io.ReadAtLeast(h.conn, h.rest[have:cap(h.rest)], n-have)
	h.rest = h.rest[:have+more]
	if errors.Is(err, io.EOF) && have > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// negotiate answers an SSLRequest.
func (h *hello) negotiate(t *tls.Config) error {
	if t == nil {
		_, err := h.conn.Write([]byte{'N'})
		return err
	}
	if _, err := h.conn.Write([]byte{'S'}); err != nil {
		return err
	}
	return h.secure(t, false)
}

// secure goes on with TLS, of which what was read too far is a part.
func (h *hello) secure(t *tls.Config, direct bool) error {
	h.task.Detach()
	conn := h.conn
	if len(h.rest) > 0 {
		conn = &unreadConn{Conn: conn, first: h.rest}
	}
	secured, err := acceptTLS(conn, t, direct)
	if err != nil {
		return err
	}
	h.conn, h.secured, h.rest = secured, true, nil
	return nil
}

func (h *hello) startup(version uint32, body []byte, cfg *Config) error {
	if version>>16 != protocolMajor {
		return fatal(CodeFeatureNotSupported, fmt.Sprintf("unsupported frontend protocol %d.%d: server supports 3.0 to 3.2", version>>16, version&0xffff), nil)
	}
	h.version = version
	if err := h.decode(body); err != nil {
		return err
	}
	if cfg.RequireTLS && !h.secured {
		e := fatal(CodeInvalidAuthorization, "connection requires encryption", nil)
		e.Hint = "Connect with sslmode=require or stronger."
		return e
	}
	if h.params["user"] == "" {
		return fatal(CodeInvalidAuthorization, "no PostgreSQL user name specified in startup packet", nil)
	}
	return nil
}

// decode reads the parameters: pairs of strings and a zero byte.
func (h *hello) decode(body []byte) error {
	h.params = map[string]string{}
	for {
		name, rest, ok := cstring(body)
		if !ok {
			return malformed("invalid startup packet layout: expected terminator as last byte")
		}
		if len(name) == 0 {
			if len(rest) > 0 {
				return malformed("invalid startup packet layout: expected terminator as last byte")
			}
			return nil
		}
		value, rest, ok := cstring(rest)
		if !ok {
			return malformed("invalid startup packet layout: expected terminator as last byte")
		}
		if _, twice := h.params[string(name)]; !twice {
			h.order = append(h.order, string(name))
		}
		h.params[string(name)] = string(value)
		body = rest
	}
}

// parameters returns the parameters as they came.
func (h *hello) parameters() parameters { return parametersFrom(h.packet[8 : len(h.packet)-1]) }

// encode makes the StartupMessage for the server: params, in the client's order
// as far as it had them.
func (h *hello) encode(params map[string]string) []byte {
	names := slices.DeleteFunc(slices.Clone(h.order), func(n string) bool { _, ok := params[n]; return !ok })
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	packet := binary.BigEndian.AppendUint32(make([]byte, 4, 256), h.version)
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

// scramPlus is the mechanism that binds to a TLS connection, which cannot be
// the same on both sides of a proxy that ends TLS.
const scramPlus = "SCRAM-SHA-256-PLUS"

// withoutChannelBinding takes scramPlus out of the server's offer.
func withoutChannelBinding(frame []byte) (changed []byte, offered bool, err error) {
	var mechanisms []string
	for rest := frame[headerSize+4:]; ; {
		name, behind, ok := cstring(rest)
		if !ok {
			return nil, false, malformed("invalid AuthenticationSASL message")
		}
		if len(name) == 0 {
			break
		}
		if string(name) == scramPlus {
			offered = true
		} else {
			mechanisms = append(mechanisms, string(name))
		}
		rest = behind
	}
	if !offered {
		return frame, false, nil
	}
	if len(mechanisms) == 0 {
		e := fatal(CodeInvalidAuthorization, "the server insists on channel binding, which cannot pass a proxy", nil)
		e.Detail = "The server offers " + scramPlus + " only."
		return nil, true, e
	}
	return appendMessage(nil, &pgproto3.AuthenticationSASL{AuthMechanisms: mechanisms}), true, nil
}

// thinksUnsupported reports whether a SASLInitialResponse says that the client
// could bind to the channel but takes the server for unable (RFC 5802, gs2 flag "y"). A
// server that can would refuse that as a downgrade attack.
func thinksUnsupported(frame []byte) bool {
	_, rest, ok := cstring(frame[headerSize:])
	return ok && len(rest) > 4 && bytes.HasPrefix(rest[4:], []byte("y,"))
}

// errChannelBinding is the answer to thinksUnsupported.
func errChannelBinding() *Error {
	e := fatal(CodeInvalidAuthorization, "SCRAM channel binding cannot pass a proxy that ends TLS on both sides", nil)
	e.Hint = "Connect with channel_binding=disable."
	return e
}

// quietEnd reports whether a client just went away, which is nobody's error.
func quietEnd(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF)
}
