package proxy

import (
	"errors"
	"os"
)

// A direction is one half of a relayed session: requests or replies. It has a
// goroutine while there is something to do, and waits in the server's lot when
// its session has been quiet for a while; see rest.go.
type direction interface {
	consumer
	source() *pump
	run() error      // forwards until that ends
	ended(err error) // says what the end means for the session
	drive()          // is Session.drive
}

var (
	_ direction = (*requests)(nil)
	_ direction = (*replies)(nil)
)

func (r *requests) source() *pump   { return r.pump }
func (r *requests) ended(err error) { r.clientEnded(err) }
func (r *requests) drive()          { r.Session.drive(r) }

func (r *replies) source() *pump   { return r.pump }
func (r *replies) ended(err error) { r.serverEnded(err) }
func (r *replies) drive()          { r.Session.drive(r) }

// relay starts both directions. The last one to end closes the session.
func (s *Session) relay() {
	s.directions.Store(2)
	go s.requests.drive()
	s.replies.drive()
}

// drive runs a direction until it ends or is parked. It is the whole of the
// direction's goroutine.
func (s *Session) drive(d direction) {
	s.stir(d)
	err := s.guard(d.run)
	for errors.Is(err, os.ErrDeadlineExceeded) {
		resting, parked := s.rest(d)
		if parked {
			return
		}
		if !resting {
			break
		}
		err = s.guard(d.run)
	}
	d.ended(err)
	if s.directions.Add(-1) > 0 {
		return
	}
	s.over(s.cause())
}

// cause waits until the end of a relayed session is through and returns why it ended.
func (s *Session) cause() error {
	s.parting.Wait()
	s.mu.Lock()
	told, ended := s.toldWhy, s.ended
	s.mu.Unlock()
	if told {
		linger(s.conn)
	}
	return ended
}
