//go:build !linux || portable

package netpoll

import (
	"context"
	"net"
)

// A Network makes the connections of a server. The runtime waits for them here;
// see network_linux.go for what is done where epoll is.
type Network struct{}

// New makes a Network.
func New() (*Network, error) { return &Network{}, nil }

// Close does nothing: there is nothing to close.
func (*Network) Close() {}

// Counts is zero: no poller waits.
func (*Network) Counts() Counts { return Counts{} }

// Listen returns the listener, whose connections get the options when they are adopted.
func (*Network) Listen(ln net.Listener, _ net.KeepAliveConfig) (net.Listener, *Task, error) {
	return ln, nil, nil
}

// Adopt sets the options of an accepted connection.
func (*Network) Adopt(conn net.Conn, keepAlive net.KeepAliveConfig) (net.Conn, *Task) {
	setKeepAlive(conn, keepAlive)
	return conn, nil
}

// Run has f run in a goroutine.
func (*Network) Run(_ *Task, f func()) { go f() }

// Receive has f run, and then what f returns.
func (*Network) Receive(_ net.Conn, f func() (then func())) { go func() { f()() }() }

// Dial connects to a server of a host's addresses, the first that takes us.
func Dial(ctx context.Context, _ *Task, network, address string, keepAlive net.KeepAliveConfig) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: keepAlive}
	if !keepAlive.Enable {
		d.KeepAlive = -1 // zero would mean the default
	}
	return d.DialContext(ctx, network, address)
}

// A Task is what is done for a session. Nobody leads here.
type Task struct{}

func (*Task) beginWait() {}
func (*Task) endWait()   {}

// Detach does nothing: the caller is an ordinary goroutine.
func (*Task) Detach() {}

// A Socket is a connection that a poller waits for: there is none.
type Socket struct{ net.Conn }

// SocketOf returns nil.
func SocketOf(net.Conn) *Socket { return nil }

// ReadNow reads what there is.
func (s *Socket) ReadNow(through net.Conn, p []byte) (n int, empty bool, err error) {
	n, err = through.Read(p)
	return n, false, err
}

// Await has no poller to wait with.
func (*Socket) Await(Worker) bool { return false }
