//go:build !portable

package netpoll

import (
	"net"
	"time"
)

// SetDeadline implements net.Conn.
func (s *Socket) SetDeadline(t time.Time) error {
	_ = s.SetReadDeadline(t)
	return s.SetWriteDeadline(t)
}

// SetReadDeadline implements net.Conn. One that is over ends the wait of a direction, too.
func (s *Socket) SetReadDeadline(t time.Time) error { return s.setDeadline(&s.input, t) }

// SetWriteDeadline implements net.Conn.
func (s *Socket) SetWriteDeadline(t time.Time) error { return s.setDeadline(&s.output, t) }

func (s *Socket) setDeadline(r *readiness, t time.Time) error {
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
func (s *Socket) expire(r *readiness) {
	r.expired.Store(true)
	r.notify()
	if s.waiting != nil && s.outward == (r == &s.output) {
		go s.waiting.goOn()
		s.waiting = nil
	}
}
