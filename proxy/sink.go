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
}

func newSink(conn net.Conn) *sink {
	s := &sink{conn: conn, raw: rawConn(conn)}
	if s.raw != nil {
		if err := s.raw.Control(func(fd uintptr) { s.fd = fd }); err != nil {
			s.raw = nil
		}
	}
	return s
}

// Write writes all of p. It blocks while the peer does not read: that is how
// back pressure passes through the relay.
func (s *sink) Write(p []byte) (int, error) {
	if s.raw == nil {
		return s.conn.Write(p)
	}
	n, errno := writeWhile(s.fd, p)
	switch errno {
	case 0:
		return n, nil
	case syscall.EAGAIN:
		return s.writeRest(p, n)
	}
	return n, errno
}

// writeRest writes what is behind the first n bytes of p whenever there is room for it.
func (s *sink) writeRest(p []byte, n int) (int, error) {
	var errno syscall.Errno
	err := s.raw.Write(func(fd uintptr) bool {
		var written int
		written, errno = writeWhile(fd, p[n:])
		n += written
		return errno != syscall.EAGAIN
	})
	if err == nil && errno != 0 {
		err = errno
	}
	return n, err
}

// writeWhile writes until all is written or that fails: EAGAIN if the socket is full.
func writeWhile(fd uintptr, p []byte) (int, syscall.Errno) {
	written := 0
	for written < len(p) {
		n, errno := rawWrite(fd, p[written:])
		switch errno {
		case 0:
			written += n
		case syscall.EINTR:
		default:
			return written, errno
		}
	}
	return written, 0
}
