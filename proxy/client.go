package proxy

import (
	"fmt"
	"net"
	"sync/atomic"

	"mzproxy/proxy/netpoll"
)

// maxKept is how much a write keeps back at most, to send it with what follows.
const maxKept = 4096

// A clientSide is the way to one client. Two goroutines write there, the relay
// of the server's messages and the one that answers in its place: whoever writes
// holds mu, and writes whole messages between whole messages.
type clientSide struct {
	mu       netpoll.Mutex // others may hold it while they wait for the client
	task     *netpoll.Task // of the session
	boundary chan struct{} // closed when mid becomes false or over true; nil: nobody waits
	conn     net.Conn
	mid      bool   // in the middle of a message of the server
	over     bool   // nothing more may be written
	kept     []byte // written, but not sent yet

	// These belong to mu, too.
	books    books
	answered int // messages since the latest ReadyForQuery that answered one of the client's
	progress progress
	retake   retake
	copying  bool          // the server waits for the client's copy
	quiet    chan struct{} // closed when the server has nothing of the reply queue to do; nil: nobody waits
	tracking atomic.Bool   // books are not empty
}

func newClientSide(conn net.Conn, t *netpoll.Task) *clientSide {
	return &clientSide{conn: conn, task: t}
}

// hold locks mu.
func (c *clientSide) hold() { c.mu.Lock(c.task) }

// lock waits for the end of the server's message that is on its way, if there is one.
func (c *clientSide) lock() error {
	c.hold()
	for c.mid && !c.over {
		if c.boundary == nil {
			c.boundary = make(chan struct{})
		}
		boundary := c.boundary
		c.mu.Unlock()
		c.task.Wait(boundary)
		c.hold()
	}
	if c.over {
		c.mu.Unlock()
		return ErrClientGone
	}
	return nil
}

// send writes messages of ours at a boundary, with what was kept back in front of them.
func (c *clientSide) send(messages []byte) error {
	if err := c.lock(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	return c.flush(messages)
}

// write writes, but may keep a little back until the next flush; mu is held.
func (c *clientSide) write(p []byte) error {
	if len(c.kept)+len(p) > maxKept {
		return c.flush(p)
	}
	c.kept = append(c.kept, p...)
	return nil
}

// flush sends what was kept back, and p; mu is held.
func (c *clientSide) flush(p []byte) error {
	if c.over {
		return ErrClientGone
	}
	if len(c.kept) > 0 {
		p = append(c.kept, p...)
		c.kept = nil
	}
	if len(p) == 0 {
		return nil
	}
	if _, err := c.conn.Write(p); err != nil {
		return fmt.Errorf("%w: %w", ErrClientGone, err)
	}
	return nil
}

// setMid notes whether the bytes written end inside a message; mu is held.
func (c *clientSide) setMid(mid bool) {
	if c.mid && !mid {
		c.atBoundary()
	}
	c.mid = mid
}

// atBoundary wakes who waits for the end of a message; mu is held.
func (c *clientSide) atBoundary() {
	if c.boundary != nil {
		close(c.boundary)
		c.boundary = nil
	}
}

// end lets nothing more be written, after last if the stream is at a boundary.
func (c *clientSide) end(last []byte) {
	c.hold()
	defer c.mu.Unlock()
	if !c.over && !c.mid {
		_ = c.flush(last)
	}
	c.over = true
	c.atBoundary()
}

// isQuiet reports whether the server has nothing of the reply queue to do; mu is held.
func (c *clientSide) isQuiet() bool { return len(c.books.items) == 0 || c.copying }

// settle notes whether the books are empty, and wakes who waits for the server; mu is held.
func (c *clientSide) settle() {
	c.tracking.Store(!c.books.empty())
	if c.quiet != nil && c.isQuiet() {
		close(c.quiet)
		c.quiet = nil
	}
	c.retake.tell(c.isQuiet())
}

// copySent notes that the client has ended its copy, or has given it up.
func (c *clientSide) copySent() {
	c.hold()
	defer c.mu.Unlock()
	c.copying = false
}
