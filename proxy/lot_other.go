//go:build !linux

package proxy

// A lot is where quiet sessions wait on Linux. Elsewhere none is asked to.
type lot struct{}

func (*lot) close() {}

func (*lot) park(direction) bool { return false }

func (*lot) take(direction) bool { return false }
