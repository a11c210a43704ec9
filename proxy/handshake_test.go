package proxy

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"testing"

	"mzproxy/proxy/netpoll"
)

// closedConn notes that it is closed.
type closedConn struct {
	net.Conn
	closed atomic.Bool
}

func (c *closedConn) Close() error {
	c.closed.Store(true)
	return c.Conn.Close()
}

// The end of a handshake's time must not close what the handshake reads.
func TestHandshakeDoesNotClose(t *testing.T) {
	for range 20 { // to close it would be a race
		ctx, cancel := context.WithCancel(t.Context())
		here, there := net.Pipe()
		go func() {
			_, _ = there.Read(make([]byte, 8))
			_, _ = there.Write([]byte("S"))
			_, _ = there.Read(make([]byte, 1<<12))
			cancel()
		}()
		conn := &closedConn{Conn: here}
		stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(netpoll.Past) })
		if _, err := (Upstream{}).secure(nil, conn); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		stop()
		if conn.closed.Load() {
			t.Fatal("closed")
		}
		_, _ = here.Close(), there.Close()
	}
}
