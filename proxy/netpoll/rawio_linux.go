//go:build !portable

package netpoll

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rawRead reads from a non-blocking socket without telling the scheduler: the
// call cannot block, and entering a system call the ordinary way costs more than
// half of the read of a small message. The calls for sockets save 3 % over
// those for any file.
func rawRead(fd int, p []byte) (int, syscall.Errno) {
	return rawCall(unix.SYS_RECVFROM, fd, p, unix.MSG_DONTWAIT)
}

// rawWrite is rawRead's other half.
func rawWrite(fd int, p []byte) (int, syscall.Errno) {
	return rawCall(unix.SYS_SENDTO, fd, p, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
}

// The calls that open and close connections do not wait, either. In one that the scheduler knows of, the monitor of the
// runtime would find the leader now and then, take its processor away, and go on to look every 20 µs: 6 % of the CPU
// of a new session.

// rawAccept accepts a connection of a TCP listener.
func rawAccept(fd int) (conn int, from net.Addr, err error) {
	var raw unix.RawSockaddrAny
	size := uint32(unsafe.Sizeof(raw))
	n, _, errno := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(unsafe.Pointer(&size)),
		unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
	if errno != 0 {
		return -1, nil, failed("accept4", errno)
	}
	var address netip.Addr
	var port uint16 // as on the wire
	if raw.Addr.Family == unix.AF_INET {
		four := (*unix.RawSockaddrInet4)(unsafe.Pointer(&raw))
		address, port = netip.AddrFrom4(four.Addr), four.Port
	} else {
		six := (*unix.RawSockaddrInet6)(unsafe.Pointer(&raw))
		address, port = netip.AddrFrom16(six.Addr).Unmap(), six.Port
	}
	return int(n), net.TCPAddrFromAddrPort(netip.AddrPortFrom(address, swapped(port))), nil
}

// rawConnect begins to connect a socket of TCP.
func rawConnect(fd int, to netip.AddrPort, scope uint32) error {
	var raw unsafe.Pointer
	var size uintptr
	if port := swapped(to.Port()); to.Addr().Is4() {
		four := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: to.Addr().As4()}
		raw, size = unsafe.Pointer(&four), unsafe.Sizeof(four)
	} else {
		six := unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: to.Addr().As16(), Scope_id: scope}
		raw, size = unsafe.Pointer(&six), unsafe.Sizeof(six)
	}
	_, _, errno := syscall.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(raw), size)
	return failed("connect", errno)
}

// swapped turns a port from the machine's byte order to that of the wire, or back.
func swapped(port uint16) uint16 {
	return binary.BigEndian.Uint16(binary.NativeEndian.AppendUint16(nil, port))
}

// rawSetOption sets a number as an option of a socket.
func rawSetOption(fd, level, name, value int) error {
	number := int32(value)
	_, _, errno := syscall.RawSyscall6(unix.SYS_SETSOCKOPT, uintptr(fd), uintptr(level), uintptr(name), uintptr(unsafe.Pointer(&number)), unsafe.Sizeof(number), 0)
	return failed("setsockopt", errno)
}

// rawClose closes a socket; what is still to be sent is the system's.
func rawClose(fd int) error {
	_, _, errno := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return failed("close", errno)
}

// failed is nil for no error.
func failed(call string, errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return os.NewSyscallError(call, errno)
}

func rawCall(trap uintptr, fd int, p []byte, flags uintptr) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall6(trap, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), flags, 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
