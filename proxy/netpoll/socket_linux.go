//go:build !portable

package netpoll

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Events that a socket waits for: always for bytes and the end, for space
// only from when it had none.
const (
	eventsIn  = unix.EPOLLIN | unix.EPOLLRDHUP
	eventsOut = unix.EPOLLOUT
	eventsEnd = unix.EPOLLRDHUP | unix.EPOLLHUP | unix.EPOLLERR
)

// A Socket is a stream socket that a poller waits for: a net.Conn with a Worker that
// waits without a goroutine. One goroutine at a time may
// read, and one write; Close must not be called while they do: set a deadline.
type Socket struct {
	fd      int
	task    *Task
	remote  net.Addr
	atEnd   atomic.Bool // the peer sends no more: a short read has not read everything
	mu      sync.Mutex
	events  uint32 // the poller knows of; 0: not in the poller yet
	worker  Worker // the latest one to wait
	waiting waiter // that goes on at the next event: the socket for its worker, or a fiber; nil: none
	outward bool   // ... for which there is space
	closed  bool
	raised  bool // its low-water mark: it tells of bytes only when there are many
	busy    bool // a raised one has told of some; belongs to the leader
	hasty   bool // Read does not wait; belongs to the reader
	// generation tells it in its poller from those that had the same descriptor before.
	generation int32
	input      readiness
	output     readiness
}

// readiness is what one way of a socket waits for.
type readiness struct {
	ready   bool          // something has happened since the latest wait
	wake    chan struct{} // closed when something happens; nil: nobody waits
	expired atomic.Bool   // the deadline is over
	timer   *time.Timer   // of the deadline; nil: none, or over
}

var (
	_ net.Conn = (*Socket)(nil)
	_ waiter   = (*Socket)(nil)
)

// errNothing is a read that would have to wait. crypto/tls goes on after an error that is temporary.
var errNothing error = nothing{}

type nothing struct{}

func (nothing) Error() string   { return "nothing to read" }
func (nothing) Timeout() bool   { return true }
func (nothing) Temporary() bool { return true }

// SocketOf returns the socket below a connection that a NetConn method may name, nil if that is something else.
func SocketOf(conn net.Conn) *Socket {
	for {
		switch c := conn.(type) {
		case *Socket:
			return c
		case interface{ NetConn() net.Conn }:
			conn = c.NetConn()
		default:
			return nil
		}
	}
}

func newSocket(fd int, t *Task, remote net.Addr) *Socket {
	return &Socket{fd: fd, task: t, remote: remote}
}

// Read implements net.Conn.
func (s *Socket) Read(p []byte) (int, error) {
	for len(p) > 0 {
		s.unread(false) // what happened up to now, this read sees
		n, err := s.tryRead(p)
		if n == len(p) || errors.Is(err, os.ErrDeadlineExceeded) {
			s.unread(true) // perhaps
		}
		if !errors.Is(err, errNothing) || s.hasty {
			return n, err
		}
		if err := s.wait(&s.input, eventsIn); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// unread notes whether there may be something to read, of which no event will tell.
func (s *Socket) unread(is bool) {
	s.mu.Lock()
	s.input.ready = is
	s.mu.Unlock()
}

// ReadNow reads what there is, without waiting, through the socket or what encrypts above it. empty: whatever comes next is
// another event.
func (s *Socket) ReadNow(through net.Conn, p []byte) (n int, empty bool, err error) {
	if through == net.Conn(s) {
		n, err = s.tryRead(p)
		empty = n < len(p) && !s.atEnd.Load()
	} else {
		n, err = s.readThrough(through, p)
	}
	if errors.Is(err, errNothing) {
		return n, true, nil
	}
	return n, empty, err
}

// readThrough reads, without waiting for bytes, through what is above the socket. That may have to write an answer of TLS, after
// whoever writes already.
func (s *Socket) readThrough(conn net.Conn, p []byte) (int, error) {
	s.mu.Lock()
	queued := s.output.wake != nil // somebody who waits from now on has the leader step aside
	s.mu.Unlock()
	if queued {
		s.task.stepAside()
	}
	s.hasty = true
	defer func() { s.hasty = false }()
	return conn.Read(p)
}

// tryRead reads what there is, which may be errNothing.
func (s *Socket) tryRead(p []byte) (int, error) {
	for {
		if s.input.expired.Load() {
			return 0, os.ErrDeadlineExceeded
		}
		n, errno := rawRead(s.fd, p)
		switch {
		case errno == syscall.EINTR:
			continue
		case errno == syscall.EAGAIN:
			return 0, errNothing
		case errno != 0:
			return 0, errno
		case n == 0:
			return 0, io.EOF
		}
		return n, nil
	}
}

// Write implements net.Conn. It blocks while the peer does not read: that is how
// back pressure passes through the relay.
func (s *Socket) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		if s.output.expired.Load() {
			return written, os.ErrDeadlineExceeded
		}
		n, errno := rawWrite(s.fd, p[written:])
		switch errno {
		case 0:
			written += n
		case syscall.EINTR:
		case syscall.EAGAIN:
			if err := s.wait(&s.output, eventsIn|eventsOut); err != nil {
				return written, err
			}
		default:
			return written, errno
		}
	}
	return written, nil
}

// wait returns when something has happened since it was called last.
func (s *Socket) wait(r *readiness, events uint32) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.listen(events); err != nil {
		return err
	}
	for !r.ready {
		switch {
		case s.closed:
			return net.ErrClosed
		case r.expired.Load():
			return os.ErrDeadlineExceeded
		}
		if f := s.task.fiber; f != nil {
			s.waiting, s.outward = f, r == &s.output
			s.mu.Unlock()
			f.pause()
			s.mu.Lock()
			r.ready = !s.closed && !r.expired.Load()
			continue
		}
		if r.wake == nil {
			r.wake = make(chan struct{})
		}
		wake := r.wake
		s.mu.Unlock()
		s.task.Wait(wake)
		s.mu.Lock()
	}
	r.ready = false
	return nil
}

// listen makes events come; s.mu is held.
func (s *Socket) listen(events uint32) error {
	if s.closed {
		return net.ErrClosed
	}
	if s.events|events == s.events {
		return nil
	}
	tell := s.task.poller.change
	if s.events == 0 {
		tell = s.task.poller.add
	}
	if err := tell(s, s.events|events); err != nil {
		return err
	}
	s.events |= events
	return nil
}

// CloseWrite tells the peer that nothing more comes.
func (s *Socket) CloseWrite() error {
	return os.NewSyscallError("shutdown", unix.Shutdown(s.fd, unix.SHUT_WR))
}

// Close implements net.Conn.
func (s *Socket) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.closed = true
	for _, r := range [...]*readiness{&s.input, &s.output} {
		if r.timer != nil {
			r.timer.Stop()
			r.timer = nil
		}
		r.expired.Store(true) // the descriptor may be another socket's from now on
		r.notify()
	}
	s.mu.Unlock()
	s.task.poller.remove(s)
	return rawClose(s.fd)
}

// RemoteAddr implements net.Conn.
func (s *Socket) RemoteAddr() net.Addr { return s.remote }

// LocalAddr implements net.Conn; nil if it cannot be found out.
func (s *Socket) LocalAddr() net.Addr {
	name, err := syscall.Getsockname(s.fd)
	if err != nil {
		return nil
	}
	return addressFrom(name)
}
