package materialize_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
)

// cutter stands between a client and a server, and can break all connections.
type cutter struct {
	ln     net.Listener
	target string

	mu    sync.Mutex
	conns map[net.Conn]bool
	shut  bool // breaks what comes, too
	done  sync.WaitGroup
	close func() // waits; may be called twice
}

func newCutter(t testing.TB, target string) *cutter {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{ln: ln, target: target, conns: map[net.Conn]bool{}}
	c.done.Go(c.serve)
	c.close = sync.OnceFunc(func() {
		_ = ln.Close()
		c.cut()
		c.done.Wait()
	})
	t.Cleanup(c.close)
	return c
}

func (c *cutter) serve() {
	for {
		client, err := c.ln.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", c.target)
		if err != nil {
			_ = client.Close()
			continue
		}
		c.mu.Lock()
		c.conns[client], c.conns[server] = true, true
		shut := c.shut
		c.mu.Unlock()
		if shut {
			_, _ = client.Close(), server.Close()
		}
		pipe := func(to, from net.Conn) {
			_, _ = io.Copy(to, from)
			_, _ = to.Close(), from.Close()
			c.mu.Lock()
			delete(c.conns, from)
			c.mu.Unlock()
		}
		c.done.Go(func() { pipe(client, server) })
		c.done.Go(func() { pipe(server, client) })
	}
}

// cut breaks all connections that there are.
func (c *cutter) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.conns {
		_ = conn.Close()
	}
}

// shutDown breaks everything until it is opened again.
func (c *cutter) shutDown(on bool) {
	c.mu.Lock()
	c.shut = on
	c.mu.Unlock()
	if on {
		c.cut()
	}
}

// dsn is a connection string through the cutter.
func (c *cutter) dsn(dsn string) string {
	return strings.Replace(dsn, c.target, c.ln.Addr().String(), 1)
}
