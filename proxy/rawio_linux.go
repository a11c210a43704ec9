package proxy

import (
	"syscall"
	"unsafe"
)

// hasRawIO says that sockets can be read and written around net.Conn.
const hasRawIO = true

// rawRead reads from a non-blocking descriptor without telling the scheduler:
// the call cannot block, and entering a system call the ordinary way costs more
// than half of the read of a small message.
func rawRead(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// rawWrite is rawRead's other half.
func rawWrite(fd uintptr, p []byte) (int, syscall.Errno) {
	n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
