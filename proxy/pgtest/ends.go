package pgtest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// Version is the protocol version 3.0.
const Version = 3 << 16

// Key is a cancel key: process id and secret.
type Key struct {
	PID    uint32
	Secret string
}

// DefaultKey is what Welcome gives.
var DefaultKey = Key{PID: 4711, Secret: "\x01\x02\x03\x04"}

// Startup returns a StartupMessage.
func Startup(version uint32, params ...string) []byte {
	body := binary.BigEndian.AppendUint32(nil, version)
	for _, p := range params {
		body = append(append(body, p...), 0)
	}
	return packet(append(body, 0))
}

// CancelRequest returns the packet that cancels what a backend does.
func CancelRequest(key Key) []byte {
	body := binary.BigEndian.AppendUint32(nil, 80877102)
	body = binary.BigEndian.AppendUint32(body, key.PID)
	return packet(append(body, key.Secret...))
}

// SSLRequest asks for TLS.
func SSLRequest() []byte { return packet(binary.BigEndian.AppendUint32(nil, 80877103)) }

// GSSENCRequest asks for encryption by GSSAPI.
func GSSENCRequest() []byte { return packet(binary.BigEndian.AppendUint32(nil, 80877104)) }

func packet(body []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body)+4)), body...)
}

// ReadPacket reads a packet without a type byte, and returns what follows its length.
func ReadPacket(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(size[:])
	if n < 8 || n > 1<<20 {
		return nil, fmt.Errorf("packet of %d bytes", n)
	}
	body := make([]byte, n-4)
	_, err := io.ReadFull(r, body)
	return body, err
}

// Params decodes the parameters of a StartupMessage that ReadPacket returned.
func Params(packet []byte) (version uint32, params map[string]string) {
	params = map[string]string{}
	parts := bytes.Split(packet[4:], []byte{0})
	for i := 0; i+1 < len(parts) && len(parts[i]) > 0; i += 2 {
		params[string(parts[i])] = string(parts[i+1])
	}
	return binary.BigEndian.Uint32(packet), params
}

// Welcome reads a StartupMessage and lets the client in with a key.
func Welcome(conn net.Conn, key Key) error {
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := ReadPacket(conn); err != nil {
		return err
	}
	_, err := conn.Write(Greeting(key))
	return err
}

// Greeting is what a server says to a client that need not authenticate.
func Greeting(key Key) []byte {
	out := Message{'R', make([]byte, 4)}.Append(nil)
	out = Message{'S', []byte("server_version\x0015.0\x00")}.Append(out)
	out = Message{'K', append(binary.BigEndian.AppendUint32(nil, key.PID), key.Secret...)}.Append(out)
	return Message{'Z', []byte{'I'}}.Append(out)
}

// Enter sends a StartupMessage and reads up to the first ReadyForQuery, or an error.
func Enter(conn net.Conn, params ...string) error {
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := conn.Write(Startup(Version, append([]string{"user", "test"}, params...)...)); err != nil {
		return err
	}
	for {
		m, err := ReadMessage(conn)
		switch {
		case err != nil:
			return err
		case m.Type == 'E':
			return fmt.Errorf("%s", Format(FromServer, m))
		case m.Type == 'Z':
			return conn.SetDeadline(time.Time{})
		}
	}
}
