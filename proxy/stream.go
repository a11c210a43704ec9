package proxy

import (
	"io"
	"net"
	"syscall"
)

// A stream is a socket below TLS that is read and written past the bookkeeping
// of net.Conn, as pump and sink do it. One goroutine at a time may read it, and one write.
type stream struct {
	net.Conn
	raw      syscall.RawConn
	in, out  transfer
	readable func(fd uintptr) bool
	writable func(fd uintptr) bool
}

// A transfer is a read or write on its way.
type transfer struct {
	p     []byte
	n     int
	errno syscall.Errno
}

// newStream returns conn, as a stream if it is a socket.
func newStream(conn net.Conn) net.Conn {
	raw := rawConn(conn)
	if raw == nil {
		return conn
	}
	s := &stream{Conn: conn, raw: raw}
	s.readable, s.writable = s.read, s.write
	return s
}

// Read implements net.Conn.
func (s *stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	s.in = transfer{p: p}
	n, err := s.in.result(s.raw.Read(s.readable))
	if n == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

// Write implements net.Conn.
func (s *stream) Write(p []byte) (int, error) {
	s.out = transfer{p: p}
	return s.out.result(s.raw.Write(s.writable))
}

func (s *stream) read(fd uintptr) bool {
	s.in.n, s.in.errno = rawRead(fd, s.in.p)
	return s.in.errno != syscall.EAGAIN && (s.in.errno != syscall.EINTR || s.read(fd))
}

func (s *stream) write(fd uintptr) bool {
	n, errno := writeWhile(fd, s.out.p[s.out.n:])
	s.out.n, s.out.errno = s.out.n+n, errno
	return errno != syscall.EAGAIN
}

// result is what the transfer came to, if it was not given up for err. It lets go of the bytes.
func (t *transfer) result(err error) (int, error) {
	t.p = nil
	if err == nil && t.errno != 0 {
		err = t.errno
	}
	return t.n, err
}
