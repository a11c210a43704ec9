package proxy

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

// A socket is a stream socket that a poller waits for: a net.Conn, and the
// source of a direction that waits without a goroutine. One goroutine at a time may
// read, and one write; Close must not be called while they do: set a deadline.
type socket struct {
	fd      int
	turn    *turn
	remote  net.Addr
	atEnd   atomic.Bool // the peer sends no more: a short read has not read everything
	mu      sync.Mutex
	events  uint32 // the poller knows of; 0: not in the poller yet
	waiting waiter // that goes on at the next event; nil: none
	outward bool   // ... for which there is space
	closed  bool
	coarse  bool // tells of bytes only when there are many
	busy    bool // a coarse one has told of some; belongs to the leader
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

var _ net.Conn = (*socket)(nil)

func newSocket(fd int, t *turn, remote net.Addr) *socket {
	return &socket{fd: fd, turn: t, remote: remote}
}

// Read implements net.Conn.
func (s *socket) Read(p []byte) (int, error) {
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
func (s *socket) unread(is bool) {
	s.mu.Lock()
	s.input.ready = is
	s.mu.Unlock()
}

// without waiting for bytes, it reads through what is above the socket. That may have to write an answer of TLS, behind
// whoever writes already.
func (s *socket) without(read func([]byte) (int, error), p []byte) (int, error) {
	s.mu.Lock()
	queued := s.output.wake != nil // somebody who waits from now on has the leader step aside
	s.mu.Unlock()
	if queued {
		s.turn.stepAside()
	}
	s.hasty = true
	defer func() { s.hasty = false }()
	return read(p)
}

// tryRead reads what there is, which may be errNothing.
func (s *socket) tryRead(p []byte) (int, error) {
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
func (s *socket) Write(p []byte) (int, error) {
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
func (s *socket) wait(r *readiness, events uint32) error {
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
		if f := s.turn.fiber; f != nil {
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
		s.turn.stepAside()
		<-wake
		s.mu.Lock()
	}
	r.ready = false
	return nil
}

// listen makes events come; s.mu is held.
func (s *socket) listen(events uint32) error {
	if s.closed {
		return net.ErrClosed
	}
	if s.events|events == s.events {
		return nil
	}
	tell := s.turn.poller.change
	if s.events == 0 {
		tell = s.turn.poller.add
	}
	if err := tell(s, s.events|events); err != nil {
		return err
	}
	s.events |= events
	return nil
}

// await has w go on when there is something to read. It reports false, and does nothing, if there may
// be something already, or no event can come.
func (s *socket) await(w waiter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.input.ready || s.atEnd.Load() || s.input.expired.Load() {
		s.input.ready = false
		return false
	}
	if s.listen(eventsIn) != nil {
		s.input.expired.Store(true) // no event would come: the next read fails
		return false
	}
	s.waiting, s.outward = w, false
	return true
}

// happened notes events. It returns who has to go on now, if somebody waits.
func (s *socket) happened(events uint32) (w waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if events&eventsEnd != 0 {
		s.atEnd.Store(true)
	}
	if events&(eventsIn|eventsEnd) != 0 {
		w = s.tell(&s.input)
	}
	if events&(eventsOut|eventsEnd) != 0 {
		if out := s.tell(&s.output); out != nil {
			w = out
		}
	}
	return w
}

// tell returns the waiter if it waits for that way, or wakes who does; s.mu is held.
func (s *socket) tell(r *readiness) (w waiter) {
	if s.waiting == nil || s.outward != (r == &s.output) {
		r.happened()
		return nil
	}
	w, s.waiting = s.waiting, nil
	return w
}

// happened wakes who waits; the socket's mu is held.
func (r *readiness) happened() {
	r.ready = true
	r.notify()
}

func (r *readiness) notify() {
	if r.wake != nil {
		close(r.wake)
		r.wake = nil
	}
}

// pass lets other sockets have their turn, if a fiber calls it. What comes next, or has come, or a deadline ends it.
func (s *socket) pass() {
	f := s.turn.fiber
	if f == nil {
		return
	}
	s.mu.Lock()
	passes := !s.input.expired.Load() && s.turn.poller.change(s, s.events) == nil // the present state comes as an event
	if passes {
		s.waiting, s.outward = f, false
	}
	s.mu.Unlock()
	if passes {
		f.pause()
	}
}

// SetDeadline implements net.Conn.
func (s *socket) SetDeadline(t time.Time) error {
	_ = s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn. One that is over ends the wait of a direction, too.
func (s *socket) SetReadDeadline(t time.Time) error { return s.setDeadline(&s.input, t) }

// SetWriteDeadline implements net.Conn.
func (s *socket) SetWriteDeadline(t time.Time) error { return s.setDeadline(&s.output, t) }

func (s *socket) setDeadline(r *readiness, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	r.expired.Store(false)
	if t.IsZero() {
		return nil
	}
	left := time.Until(t)
	if left <= 0 {
		s.expire(r)
		return nil
	}
	var timer *time.Timer
	timer = time.AfterFunc(left, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if r.timer == timer { // not another one by now
			r.timer = nil
			s.expire(r)
		}
	})
	r.timer = timer
	return nil
}

// expire ends what waits; s.mu is held.
func (s *socket) expire(r *readiness) {
	r.expired.Store(true)
	r.notify()
	if s.waiting != nil && s.outward == (r == &s.output) {
		go s.waiting.goOn(nil)
		s.waiting = nil
	}
}

// CloseWrite tells the peer that nothing more comes.
func (s *socket) CloseWrite() error {
	return os.NewSyscallError("shutdown", unix.Shutdown(s.fd, unix.SHUT_WR))
}

// Close implements net.Conn.
func (s *socket) Close() error {
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
	s.turn.poller.remove(s)
	return rawClose(s.fd)
}

// RemoteAddr implements net.Conn.
func (s *socket) RemoteAddr() net.Addr { return s.remote }

// LocalAddr implements net.Conn; nil if it cannot be found out.
func (s *socket) LocalAddr() net.Addr {
	name, err := syscall.Getsockname(s.fd)
	if err != nil {
		return nil
	}
	return addressFrom(name)
}
