//go:build !portable

package netpoll

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Dial connects to a server of a host's addresses, the first that takes us.
func Dial(ctx context.Context, t *Task, network, address string, keepAlive net.KeepAliveConfig) (net.Conn, error) {
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
		var conn *Socket
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
func resolve(ctx context.Context, t *Task, address string) ([]netip.AddrPort, error) {
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
	var found []netip.Addr
	t.Blocking(func() { found, err = net.DefaultResolver.LookupNetIP(ctx, "ip", host) })
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
func connect(ctx context.Context, t *Task, remote net.Addr, family int, call func(fd int) error) (*Socket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("Socket", err)
	}
	s := newSocket(fd, t, remote)
	err = call(fd)
	if errors.Is(err, unix.EINPROGRESS) || errors.Is(err, unix.EINTR) {
		err = connected(ctx, s)
	}
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return s, nil
}

// connected waits until a connection on its way is there. One to the same machine is.
func connected(ctx context.Context, s *Socket) error {
	if _, err := syscall.Getpeername(s.fd); err == nil {
		return nil
	}
	stop := context.AfterFunc(ctx, func() { _ = s.SetWriteDeadline(Past) })
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
