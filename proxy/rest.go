package proxy

import "time"

// restAfter is how long a session is left alone before it is looked at whether
// something has happened, and parked if not.
const restAfter = 250 * time.Millisecond

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
		s.restless = time.AfterFunc(restAfter, s.look)
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
		s.seen = round
		s.restless.Reset(restAfter)
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
