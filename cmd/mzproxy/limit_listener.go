package main

import (
	"net"
	"sync"
)

// limitListener accepts no more connections at one time than it has places.
type limitListener struct {
	net.Listener
	places chan struct{}
}

func newLimitListener(ln net.Listener, n int) net.Listener {
	return &limitListener{ln, make(chan struct{}, n)}
}

// Accept takes the next connection for which there is a place, and closes others at once.
func (l *limitListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &limitedConn{Conn: conn, free: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			_ = conn.Close()
		}
	}
}

type limitedConn struct {
	net.Conn
	free func()
}

// Close gives the place back.
func (c *limitedConn) Close() error {
	defer c.free()
	return c.Conn.Close()
}
