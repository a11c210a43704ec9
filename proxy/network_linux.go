package proxy

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A network makes the connections of a server, and waits for them.
type network struct {
	pollers []*poller
	next    int // of pollers
}

// newNetwork makes the pollers. One does for two CPUs: a thread that finds several sessions
// ready in one wait needs less CPU than several that find one each.
func newNetwork() (*network, error) {
	n := &network{}
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		p, err := newPoller()
		if err != nil {
			n.close()
			return nil, err
		}
		n.pollers = append(n.pollers, p)
	}
	return n, nil
}

// close ends the waits. All connections must have been closed.
func (n *network) close() {
	for _, p := range n.pollers {
		p.close()
	}
}

// turn is that of a new session. It is called by one goroutine.
func (n *network) turn() *turn {
	n.next++
	return &turn{poller: n.pollers[n.next%len(n.pollers)]}
}

// listen takes a listener over, if its sockets can be polled; its turn is nil otherwise. Options are set once:
// those of the listening socket are inherited.
func (n *network) listen(ln net.Listener, keepAlive net.KeepAliveConfig) (net.Listener, *turn, error) {
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
	t := n.turn()
	return &socketListener{socket: newSocket(fd, t, nil), address: ln.Addr(), network: n, early: &keepAlive}, t, nil
}

// run has f run, in the fiber of a turn if there is one.
func (n *network) run(t *turn, f func()) {
	if t == nil {
		go f()
		return
	}
	t.fiber = newFiber(t, f)
	go t.fiber.goOn(nil)
}

// receive has f run when the first bytes of a connection are there, or its deadline is over; where no poller waits for
// the connection, f waits itself.
func (n *network) receive(conn net.Conn, f func()) {
	s, ok := conn.(*socket)
	if !ok {
		go f()
		return
	}
	s.turn.fiber = newFiber(s.turn, f)
	if !s.await(s.turn.fiber) {
		go s.turn.fiber.goOn(nil)
	}
}

// turnOf is that of the session of an accepted connection.
func (n *network) turnOf(conn net.Conn) *turn {
	if s, ok := conn.(*socket); ok {
		return s.turn
	}
	return n.turn()
}

// A socketListener accepts sockets.
type socketListener struct {
	socket    *socket
	address   net.Addr
	network   *network
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
func (l *socketListener) Accept() (net.Conn, error) {
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
			return newSocket(fd, l.network.turn(), from), nil
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
func (l *socketListener) Addr() net.Addr { return l.address }

// Close implements net.Listener.
func (l *socketListener) Close() error {
	_ = l.socket.SetReadDeadline(longAgo) // ends Accept
	l.accepting.Lock()
	defer l.accepting.Unlock()
	l.closed = true
	return l.socket.Close()
}

// dial connects to a server of a host's addresses, the first that takes us.
func dial(ctx context.Context, t *turn, network, address string, keepAlive net.KeepAliveConfig) (net.Conn, error) {
	if network == "unix" {
		conn, err := connect(ctx, t, &net.UnixAddr{Name: address, Net: network}, unix.AF_UNIX, func(fd int) error {
			return os.NewSyscallError("connect", unix.Connect(fd, &unix.SockaddrUnix{Name: address}))
		})
		if err != nil {
			return nil, &net.OpError{Op: "dial", Net: network, Err: err}
		}
		return conn, nil
	}
	addresses, err := resolve(ctx, t, address)
	if err != nil {
		return nil, err
	}
	for i, a := range addresses {
		var conn *socket
		attempt, done := shareOf(ctx, len(addresses)-i)
		family, scope := unix.AF_INET6, zone(a.Addr())
		if a.Addr().Is4() {
			family = unix.AF_INET
		}
		conn, err = connect(attempt, t, net.TCPAddrFromAddrPort(a), family, func(fd int) error { return rawConnect(fd, a, scope) })
		done()
		if err == nil {
			_ = setOptions(conn.fd, keepAlive) // without them the session works as well
			return conn, nil
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Err: err}
}

// shareOf is a context with an equal part of the time left for each of n attempts.
func shareOf(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok || n == 1 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Until(deadline)/time.Duration(n))
}

// resolve returns the addresses of "host:port", at least one.
func resolve(ctx context.Context, t *turn, address string) ([]netip.AddrPort, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	number, err := net.DefaultResolver.LookupPort(ctx, "tcp", port)
	if err != nil {
		return nil, err
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.AddrPort{netip.AddrPortFrom(a.Unmap(), uint16(number))}, nil
	}
	t.stepAside()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	all := make([]netip.AddrPort, len(found))
	for i, a := range found {
		all[i] = netip.AddrPortFrom(a.Unmap(), uint16(number))
	}
	return all, nil
}

// connect makes a socket that call connects.
func connect(ctx context.Context, t *turn, remote net.Addr, family int, call func(fd int) error) (*socket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := newSocket(fd, t, remote)
	err = call(fd)
	if errors.Is(err, unix.EINPROGRESS) || errors.Is(err, unix.EINTR) {
		err = s.connected(ctx)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// connected waits until a connection on its way is there. One to the same machine is.
func (s *socket) connected(ctx context.Context) error {
	if _, err := syscall.Getpeername(s.fd); err == nil {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = s.SetWriteDeadline(longAgo) })
	defer stop()
	if err := s.wait(&s.output, eventsIn|eventsOut); err != nil {
		return errors.Join(err, ctx.Err())
	}
	code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = os.NewSyscallError("connect", syscall.Errno(code))
	}
	return err
}

// setOptions has the system send at once, and find out when the peer of a quiet connection is gone.
func setOptions(fd int, k net.KeepAliveConfig) error {
	if err := rawSetOption(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		return err
	}
	if !k.Enable {
		return rawSetOption(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, 0)
	}
	for _, option := range [...]struct{ level, name, value int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, seconds(k.Idle)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, seconds(k.Interval)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, k.Count},
	} {
		if err := rawSetOption(fd, option.level, option.name, option.value); err != nil {
			return err
		}
	}
	return nil
}

// seconds rounds up, since the system knows no shorter time.
func seconds(d time.Duration) int { return max(1, int((d+time.Second-1)/time.Second)) }

// addressFrom is what the net package calls an address of the system.
func addressFrom(a syscall.Sockaddr) net.Addr {
	switch a := a.(type) {
	case *syscall.SockaddrInet4:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)))
	case *syscall.SockaddrInet6:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port)))
	case *syscall.SockaddrUnix:
		return &net.UnixAddr{Name: a.Name, Net: "unix"}
	}
	return nil
}

// zone is the number of an IPv6 zone, 0 if there is none.
func zone(a netip.Addr) uint32 {
	if link, err := net.InterfaceByName(a.Zone()); err == nil && a.Zone() != "" {
		return uint32(link.Index)
	}
	return 0
}
