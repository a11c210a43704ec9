package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// The test binary is also the program: scripts and tests run it as mzproxy.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mzproxy": main})
}
