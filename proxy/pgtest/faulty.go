package pgtest

import (
	"io"
	"math/rand/v2"
	"net"
)

// A FaultyConn is a connection that carries what it is given in pieces, and
// breaks after a number of bytes.
type FaultyConn struct {
	net.Conn
	// Cut returns how many of n bytes, at least one, go at once; nil: all.
	Cut func(n int) int
	// Break is the number of bytes written after which the connection is
	// closed in the middle of what it does; 0: never.
	Break int

	written int
}

// RandomCuts cuts at random, the same way for the same seed.
func RandomCuts(seed uint64) func(int) int {
	r := rand.New(rand.NewPCG(seed, seed))
	return func(n int) int { return 1 + r.IntN(n) }
}

// Write writes p in pieces.
func (c *FaultyConn) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		n := len(p) - written
		if c.Cut != nil {
			n = c.Cut(n)
		}
		broken := c.Break > 0 && c.written+n >= c.Break
		if broken {
			n = c.Break - c.written
		}
		m, err := c.Conn.Write(p[written : written+n])
		written += m
		c.written += m
		if err == nil && broken {
			_ = c.Conn.Close()
			err = io.ErrClosedPipe
		}
		if err != nil {
			return written, err
		}
	}
	return written, nil
}
