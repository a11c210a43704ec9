//go:build !linux

package main

import (
	"errors"
	"syscall"
)

// reusePort is for Linux, whose kernel spreads connections over the processes.
func reusePort(syscall.RawConn) error { return errors.New("--reuse-port needs Linux") }

// monotonicMicroseconds is for systemd alone.
func monotonicMicroseconds() int64 { return 0 }
