//go:build !linux

package proxy

import (
	"context"
	"net"
)

// A network makes the connections of a server. The runtime waits for them here;
// see network_linux.go for what is done where epoll is.
type network struct{}

func newNetwork() (*network, error) { return &network{}, nil }

func (*network) close() {}

func (*network) turnOf(net.Conn) *turn { return nil }

func (*network) listen(ln net.Listener, _ net.KeepAliveConfig) (net.Listener, *turn, error) {
	return ln, nil, nil
}

func (*network) run(_ *turn, f func()) { go f() }

func (*network) receive(_ net.Conn, f func()) { go f() }

func dial(ctx context.Context, _ *turn, network, address string, keepAlive net.KeepAliveConfig) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: keepAlive}
	if !keepAlive.Enable {
		d.KeepAlive = -1 // zero would mean the default
	}
	return d.DialContext(ctx, network, address)
}

// A turn is a session's part in a poller: there is none.
type turn struct{}

func (*turn) stepAside() {}

func (*turn) leaveFiber() {}

func (*turn) endFiber() {}

// A waiter goes on when there may be something to do.
type waiter interface{ goOn(err error) }

// A socket is a connection that a poller waits for: there is none.
type socket struct {
	net.Conn
	atEnd interface{ Load() bool }
}

func (*socket) tryRead([]byte) (int, error) { return 0, errNothing }

func (*socket) without(read func([]byte) (int, error), p []byte) (int, error) { return read(p) }

func (*socket) await(waiter) bool { return false }
