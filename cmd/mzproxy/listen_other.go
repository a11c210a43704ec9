//go:build !linux

package main

import (
	"errors"
	"os"
	"syscall"
)

// reusePort is for Linux, whose kernel spreads connections over the processes.
func reusePort(syscall.RawConn) error { return errors.New("--reuse-port needs Linux") }

// steer has nothing to do: nobody shares a port.
func steer(*os.File) bool { return false }

// monotonicMicroseconds is for systemd alone.
func monotonicMicroseconds() int64 { return 0 }
