package main

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// reusePort lets several processes listen on one address.
func reusePort(raw syscall.RawConn) (err error) {
	if controlErr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); controlErr != nil {
		return controlErr
	}
	return err
}

// monotonicMicroseconds is the clock that the service manager compares with.
func monotonicMicroseconds() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0
	}
	return t.Nano() / 1000
}
