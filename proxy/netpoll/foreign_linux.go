//go:build !portable

package netpoll

import (
	"errors"
	"net"
)

// A foreignConn is a connection that no poller waits for: a leader that relays to it must not wait for space there.
type foreignConn struct {
	net.Conn
	task *Task
}

// Write implements net.Conn.
func (c *foreignConn) Write(p []byte) (int, error) {
	c.task.stepAside()
	return c.Conn.Write(p)
}

// CloseWrite tells the peer that nothing more comes, if the connection can.
func (c *foreignConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
