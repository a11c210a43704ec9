package proxy

import (
	"errors"
	"io"
	"net"
	"syscall"
)

// errPause is returned by a consumer that has work to do outside of the pump:
// what waits, what calls a handler.
var errPause = errors.New("pause")

// A consumer takes the bytes of one direction.
type consumer interface {
	// consume takes what it can of data and returns how much; the rest is
	// offered again with more behind it. An error stops the pump.
	consume(data []byte) (int, error)
	// drained reports whether the other end has no reason to close the
	// connection behind the bytes consumed so far; see pump.onReadable.
	drained() bool
}

// A pump reads one connection and hands the bytes to its consumer. It holds a
// buffer only while there are bytes in it. It belongs to one goroutine.
type pump struct {
	conn     net.Conn
	raw      syscall.RawConn // nil: read through conn
	consumer consumer
	buf      []byte // nil, pooled, or grown for one long message
	have     int    // bytes in buf
	more     bool   // the latest read took what a small buffer has, or all there was space for
	err      error  // why onReadable stopped
	// resting: asked to park. parked: waits in the lot, or did. They belong to
	// Session.mu.
	resting, parked bool
}

func newPump(conn net.Conn, c consumer) *pump {
	return &pump{conn: conn, consumer: c, raw: rawConn(conn)}
}

// rawConn returns the descriptor of a socket, nil for anything else.
func rawConn(conn net.Conn) syscall.RawConn {
	sc, ok := conn.(syscall.Conn)
	if !ok || !hasRawIO {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	return raw
}

// run reads until the consumer stops it (its error), the peer closes (io.EOF)
// or reading fails.
func (p *pump) run() error {
	if p.have > 0 {
		if err := p.offer(); err != nil {
			return err
		}
	}
	defer p.release()
	if p.raw == nil {
		return p.runPortable()
	}
	p.err = nil
	if err := p.raw.Read(p.onReadable); err != nil {
		return err
	}
	return p.err
}

func (p *pump) runPortable() error {
	for {
		p.room()
		space := p.buf[p.have:]
		n, err := p.conn.Read(space)
		p.read(n, len(space))
		if n > 0 {
			if err := p.offer(); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
}

// onReadable is the callback of the one RawConn.Read in which a direction
// spends its life. Returning false waits for the next edge of the descriptor,
// which is safe behind a short read: the socket was empty then. The end of the
// connection is no second edge if it came together with the bytes, so a short
// read is only believed where the peer is waiting for us (drained).
func (p *pump) onReadable(fd uintptr) bool {
	for {
		p.room()
		space := p.buf[p.have:]
		n, errno := rawRead(fd, space)
		switch {
		case errno == syscall.EAGAIN:
			p.release()
			return false
		case errno == syscall.EINTR:
			continue
		case errno != 0:
			p.err = errno
			return true
		case n == 0:
			p.err = io.EOF
			return true
		}
		p.read(n, len(space))
		if p.err = p.offer(); p.err != nil {
			return true
		}
		if n < len(space) && p.consumer.drained() {
			p.release()
			return false
		}
	}
}

// room makes sure that there is space to read into.
func (p *pump) room() {
	switch {
	case p.buf == nil:
		p.buf = takeBuffer(p.more)
	case p.have == len(p.buf), p.more && len(p.buf) < largeBuffer:
		old := p.buf
		p.grow(2 * len(old))
		freeBuffer(old)
	}
}

// read notes that n bytes were read where there was space for more or no more.
func (p *pump) read(n, space int) {
	p.have += n
	p.more = n == space || n >= smallBuffer
}

// grow makes the buffer larger.
func (p *pump) grow(size int) {
	var grown []byte
	if size <= largeBuffer {
		grown = takeBuffer(true)
	} else {
		grown = make([]byte, size)
	}
	copy(grown, p.buf[:p.have])
	p.buf = grown
}

// offer hands the buffer to the consumer and keeps what it did not take.
func (p *pump) offer() error {
	n, err := p.consumer.consume(p.buf[:p.have])
	p.discard(n)
	return err
}

// discard drops the first n bytes of the buffer.
func (p *pump) discard(n int) {
	p.have = copy(p.buf, p.buf[n:p.have])
	p.release()
}

// push adds bytes that were read elsewhere behind those in the buffer.
func (p *pump) push(data []byte) {
	if len(data) == 0 {
		return
	}
	if p.buf == nil {
		p.room()
	}
	if need := p.have + len(data); need > len(p.buf) {
		p.grow(max(need, 2*len(p.buf))) // the old one is still looked at: left to the collector
	}
	p.have += copy(p.buf[p.have:], data)
}

// release gives an empty buffer back.
func (p *pump) release() {
	if p.have > 0 || p.buf == nil {
		return
	}
	freeBuffer(p.buf)
	p.buf = nil
}
