package proxy

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// bufferSize is what one read takes at most. 64 kB move 1 kB COPY rows at the
// rate of a direct connection; smaller buffers cost system calls.
const bufferSize = 64 << 10

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

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
	err      error  // why onReadable stopped
	readable func(fd uintptr) bool
	// resting: asked to park. parked: waits in the lot, or did. They belong to
	// Session.mu.
	resting, parked bool
}

func newPump(conn net.Conn, c consumer) *pump {
	p := &pump{conn: conn, consumer: c, raw: rawConn(conn)}
	p.readable = p.onReadable
	return p
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
	if p.raw == nil {
		return p.runPortable()
	}
	p.err = nil
	if err := p.raw.Read(p.readable); err != nil {
		return err
	}
	return p.err
}

func (p *pump) runPortable() error {
	for {
		p.room()
		n, err := p.conn.Read(p.buf[p.have:])
		p.have += n
		if n > 0 {
			if err := p.offer(); err != nil {
				return err
			}
		}
		if err != nil {
			p.release()
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
		p.have += n
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
		p.buf = buffers.Get().(*[bufferSize]byte)[:]
	case p.have == len(p.buf):
		p.grow(2 * len(p.buf))
	}
}

func (p *pump) grow(size int) {
	grown := make([]byte, size)
	copy(grown, p.buf[:p.have])
	p.buf = grown // the old one may still be looked at: left to the collector
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
		p.grow(max(need, 2*len(p.buf)))
	}
	p.have += copy(p.buf[p.have:], data)
}

// release gives an empty buffer back.
func (p *pump) release() {
	if p.have > 0 || p.buf == nil {
		return
	}
	if len(p.buf) == bufferSize {
		buffers.Put((*[bufferSize]byte)(p.buf))
	}
	p.buf = nil
}

// A sink writes to one connection, whole or not at all.
type sink struct {
	conn net.Conn
	raw  syscall.RawConn // nil: write through conn
	fd   uintptr         // stays open as long as the session's goroutines run
	rest []byte          // what waits for the socket to become writable
	err  syscall.Errno
	more func(fd uintptr) bool
}

func newSink(conn net.Conn) *sink {
	s := &sink{conn: conn, raw: rawConn(conn)}
	if s.raw != nil {
		if err := s.raw.Control(func(fd uintptr) { s.fd = fd }); err != nil {
			s.raw = nil
		}
	}
	s.more = s.writable
	return s
}

// Write writes all of p. It blocks while the peer does not read: that is how
// back pressure passes through the relay.
func (s *sink) Write(p []byte) (int, error) {
	if s.raw == nil {
		return s.conn.Write(p)
	}
	s.rest, s.err = p, 0
	if !s.writable(s.fd) {
		if err := s.raw.Write(s.more); err != nil {
			return len(p) - len(s.rest), err
		}
	}
	if s.err != 0 {
		return len(p) - len(s.rest), s.err
	}
	return len(p), nil
}

// writable writes until all is written or the socket is full (false).
func (s *sink) writable(fd uintptr) bool {
	for len(s.rest) > 0 {
		n, errno := rawWrite(fd, s.rest)
		switch errno {
		case 0:
			s.rest = s.rest[n:]
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			s.err = errno
			return true
		}
	}
	return true
}
