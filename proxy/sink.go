package proxy

import (
	"net"
	"syscall"
)

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
