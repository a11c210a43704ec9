package proxy

import "time"

// How long a session is left alone before it is looked at whether something has
// happened, and parked if not: at first a moment, because most sessions of those
// that have just come or woken up fall quiet again, and twice as long after each look that
// found it busy. Goroutines that exist at one time are memory that the
// runtime never gives back.
const (
	minRest = 50 * time.Millisecond
	maxRest = time.Second
)

// stir notes that a direction has a goroutine.
func (s *Session) stir(d direction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.source().parked = false
	s.watchRest()
}

// watchRest sets the timer that finds a quiet session; s.mu is held.
func (s *Session) watchRest() {
	canPark := s.requests.pump.raw != nil || s.replies.pump.raw != nil
	if s.restless == nil && canPark && s.ended == nil {
		s.patience = minRest
		s.restless = time.AfterFunc(s.patience, s.look)
	}
}

// stopWatching ends what watchRest began.
func (s *Session) stopWatching() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.restless != nil {
		s.restless.Stop()
	}
}

// look asks the directions of a session to park when nothing has happened since
// it looked before and nothing is on its way.
func (s *Session) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil || s.leaving {
		return
	}
	round := s.flow.round()
	if round != s.seen || s.flow.outstanding() > 0 || len(s.calls) > 0 {
		s.seen, s.patience = round, min(2*s.patience, maxRest)
		s.restless.Reset(s.patience)
		return
	}
	s.restless = nil
	s.askToPark()
}

// askToPark interrupts what waits to read; s.mu is held.
func (s *Session) askToPark() {
	for _, d := range [...]direction{s.requests, s.replies} {
		if p := d.source(); p.raw != nil && !p.parked {
			p.resting = true
			_ = p.conn.SetReadDeadline(longAgo)
		}
	}
}

// rest answers the interruption of a direction: resting if it was askToPark that
// interrupted, parked if the direction now waits in the lot.
func (s *Session) rest(d direction) (resting, parked bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := d.source()
	if s.ended != nil || !p.resting {
		return false, false
	}
	p.resting = false
	if s.leaving { // the deadline is another one by now
		return true, false
	}
	_ = p.conn.SetReadDeadline(time.Time{})
	p.parked = s.server.lot.park(d)
	return true, p.parked
}

// wake gives the parked directions their goroutines back, to see a deadline; s.mu is held.
func (s *Session) wake() {
	for _, d := range [...]direction{s.requests, s.replies} {
		if d.source().parked && s.server.lot.take(d) {
			go d.drive()
		}
	}
}
