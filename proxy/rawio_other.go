//go:build !linux

package proxy

import "syscall"

// hasRawIO is false where the relay reads and writes through net.Conn.
const hasRawIO = false

func rawRead(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.EINVAL }

func rawWrite(uintptr, []byte) (int, syscall.Errno) { return 0, syscall.EINVAL }
