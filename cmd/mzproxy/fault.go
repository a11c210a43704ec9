package main

import (
	"os"
	"syscall"
)

// faultStep serves tests of what survives a crash: MZPROXY_FAULT_STEP names a step of the
// apply phase before which the process kills itself.
func faultStep() func(string) {
	fatal := os.Getenv("MZPROXY_FAULT_STEP")
	if fatal == "" {
		return nil
	}
	return func(step string) {
		if step == fatal {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	}
}
