package proxy

import (
	"encoding/binary"
	"net"

	"github.com/jackc/pgproto3/v2"
)

// headerSize is the type byte and the length of a message.
const headerSize = 5

// maxHeld is the size up to which a message is held as a whole where somebody
// has to see all of it: the text of a Query, an ErrorResponse. A longer one is
// forwarded as it comes and nobody is asked.
const maxHeld = 16 << 20

// frameSize returns the size of the message that begins with header, type byte
// included.
func frameSize(header []byte) (int, error) {
	n := binary.BigEndian.Uint32(header[1:])
	if n < 4 || n > 1<<31-2 {
		return 0, tooShort(header[0])
	}
	return int(n) + 1, nil
}

// cstring cuts a zero-terminated string off the front of body.
func cstring(body []byte) (s, rest []byte, ok bool) {
	for i, b := range body {
		if b == 0 {
			return body[:i], body[i+1:], true
		}
	}
	return nil, nil, false
}

// frame returns the next whole message of at most limit bytes, reading as much
// as needed; discard it when done. For the start of a session only.
func (p *pump) frame(limit int) ([]byte, error) {
	for {
		if p.have >= headerSize {
			size, err := frameSize(p.buf)
			if err != nil {
				return nil, err
			}
			if size > limit {
				return nil, malformed("message too long at the start of a session")
			}
			if p.have >= size {
				return p.buf[:size], nil
			}
		}
		p.room()
		n, err := p.conn.Read(p.buf[p.have:])
		p.have += n
		if err != nil && n == 0 {
			p.release()
			return nil, err
		}
	}
}

// decodeBind decodes the body of a Bind message. The values are parts of body.
func decodeBind(body []byte) (*pgproto3.Bind, bool) {
	if !wellFormedBind(body) { // pgproto3 trusts the sizes of values
		return nil, false
	}
	m := &pgproto3.Bind{}
	return m, m.Decode(body) == nil
}

// wellFormedBind reports whether a Bind message's parameters lie within it.
func wellFormedBind(body []byte) bool {
	_, rest, ok := cstring(body)
	if !ok {
		return false
	}
	if _, rest, ok = cstring(rest); !ok || len(rest) < 2 {
		return false
	}
	formats := int(binary.BigEndian.Uint16(rest))
	if rest = rest[2:]; len(rest) < 2*formats+2 {
		return false
	}
	rest = rest[2*formats:]
	values := int(binary.BigEndian.Uint16(rest))
	for rest = rest[2:]; values > 0; values-- {
		if len(rest) < 4 {
			return false
		}
		size := int(int32(binary.BigEndian.Uint32(rest)))
		rest = rest[4:]
		if size < -1 || size > len(rest) {
			return false
		}
		rest = rest[max(size, 0):]
	}
	return true
}

// readParameterStatus decodes the body of a ParameterStatus message.
func readParameterStatus(body []byte) (name, value string, err error) {
	n, v, err := cutParameterStatus(body)
	return string(n), string(v), err
}

// cutParameterStatus is readParameterStatus that returns parts of body.
func cutParameterStatus(body []byte) (name, value []byte, err error) {
	name, rest, ok := cstring(body)
	if !ok {
		return nil, nil, malformed("invalid ParameterStatus message")
	}
	value, rest, ok = cstring(rest)
	if !ok || len(rest) > 0 {
		return nil, nil, malformed("invalid ParameterStatus message")
	}
	return name, value, nil
}

// readError decodes the body of an ErrorResponse or NoticeResponse.
func readError(body []byte) (*pgproto3.ErrorResponse, error) {
	e := &pgproto3.ErrorResponse{}
	if err := e.Decode(body); err != nil {
		return nil, malformed("invalid ErrorResponse message")
	}
	return e, nil
}

// writeError sends one message to a client that is not relayed yet, or no more.
func writeError(conn net.Conn, e *Error) error {
	_, err := conn.Write(appendMessage(nil, e.response()))
	return err
}

// message is what a pgproto3 message can do that goes on the wire.
type message interface {
	Encode(dst []byte) ([]byte, error)
}

// appendMessage appends a message of ours. Encoding fails only beyond the
// protocol's size of a message, which nothing of ours comes near.
func appendMessage(dst []byte, m message) []byte {
	encoded, err := m.Encode(dst)
	if err != nil {
		panic(err)
	}
	return encoded
}
