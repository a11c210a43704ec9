package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// The test binary is the program, too: as that it takes its fault from the environment.
func init() { onStep = faultStep() }

// faultStep serves tests of what survives a crash: MZPROXY_FAULT_STEP names a step of the
// apply phase before which the process kills itself, as in "execute", or "execute:2" for the second time that it comes.
func faultStep() func(string) {
	fatal, times, counted := strings.Cut(os.Getenv("MZPROXY_FAULT_STEP"), ":")
	if fatal == "" {
		return nil
	}
	left := atomic.Int64{}
	left.Store(1)
	if n, err := strconv.ParseInt(times, 10, 64); counted && err == nil {
		left.Store(n)
	}
	return func(step string) {
		if step == fatal && left.Add(-1) == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}
