//go:build !portable

package netpoll

import (
	"errors"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// A listener accepts sockets.
type listener struct {
	socket    *Socket
	address   net.Addr
	network   *Network
	early     *net.KeepAliveConfig // for sockets that were there before the options; nil: all of those are accepted
	accepting sync.Mutex
	late      int // attempts since Close was called
	row       int // accepted since others had their turn
	closed    bool
}

// maxRow is how many connections are accepted before others have their turn.
const maxRow = 16

// maxLate bounds how many that had connected before Close are still accepted, to
// be told that they came too late.
const maxLate = 1024

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	l.accepting.Lock()
	defer l.accepting.Unlock()
	for {
		if l.socket.input.expired.Load() {
			if l.late++; l.late > maxLate || l.closed {
				return nil, net.ErrClosed
			}
		}
		if l.row++; l.row > maxRow {
			l.row = 0
			l.socket.pass()
		}
		fd, from, err := rawAccept(l.socket.fd)
		switch {
		case err == nil:
			if l.early != nil {
				_ = setOptions(fd, *l.early) // without them the session works as well
			}
			return newSocket(fd, l.network.task(), from), nil
		case errors.Is(err, unix.EAGAIN):
			l.early = nil
			if l.late > 0 {
				return nil, net.ErrClosed
			}
			l.row = 0
			if err := l.socket.wait(&l.socket.input, eventsIn); err != nil && !l.socket.input.expired.Load() { // not by Close
				return nil, err
			}
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.ECONNABORTED):
		default:
			return nil, err
		}
	}
}

// Addr implements net.Listener.
func (l *listener) Addr() net.Addr { return l.address }

// Close implements net.Listener.
func (l *listener) Close() error {
	_ = l.socket.SetReadDeadline(Past) // ends Accept
	l.accepting.Lock()
	defer l.accepting.Unlock()
	l.closed = true
	return l.socket.Close()
}

// Listen takes a listener over, if its sockets can be polled; its task is nil otherwise. Options are set once:
// those of the listening socket are inherited.
func (n *Network) Listen(ln net.Listener, keepAlive net.KeepAliveConfig) (net.Listener, *Task, error) {
	tcp, ok := ln.(*net.TCPListener)
	if !ok {
		return ln, nil, nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = ln.Close() }()
	fd := -1
	if cerr := raw.Control(func(theirs uintptr) {
		if fd, err = unix.FcntlInt(theirs, unix.F_DUPFD_CLOEXEC, 0); err == nil {
			err = setOptions(fd, keepAlive)
		}
	}); cerr != nil {
		return nil, nil, cerr
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, nil, os.NewSyscallError("listen", err)
	}
	t := n.task()
	return &listener{socket: newSocket(fd, t, nil), address: ln.Addr(), network: n, early: &keepAlive}, t, nil
}
