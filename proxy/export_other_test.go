//go:build !linux

package proxy

// Spare is the number of goroutines that are kept for logins to come: there are none.
func (*Server) Spare() int { return 0 }
