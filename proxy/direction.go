package proxy

import "errors"

// A direction is one half of a relayed session: requests or replies. While there
// is nothing to do it waits in the poller, without a goroutine. The poller's
// leader relays what comes, up to where that could take long; a goroutine of the
// direction's own does the rest and ends when nothing is left. Where no poller waits
// for the connection, that goroutine lives as long as the direction.
type direction interface {
	consumer
	waiter
	source() *pump
	step() error     // relays what there is, without waiting for the peer: see pump.step
	run() error      // the same, at length, with what waits
	ended(err error) // says what the end means for the session
}

var (
	_ direction = (*requests)(nil)
	_ direction = (*replies)(nil)
)

func (r *requests) source() *pump   { return r.pump }
func (r *requests) ended(err error) { r.clientEnded(err) }
func (r *requests) goOn(err error)  { r.Session.goOn(r, err) }

func (r *replies) source() *pump   { return r.pump }
func (r *replies) ended(err error) { r.serverEnded(err) }
func (r *replies) goOn(err error)  { r.Session.goOn(r, err) }

// relay starts both directions. The last one to end closes the session.
func (s *Session) relay() {
	s.directions.Store(2)
	if !s.requests.pump.awaits(s.requests) {
		go s.requests.goOn(nil)
	}
	if !s.replies.pump.awaits(s.replies) {
		s.turn.stepAside()
		s.replies.goOn(nil)
	}
}

// awaits lets a direction wait in the poller. It reports false if there is
// something to do, no poller, or TLS, which may have read more than it was asked for.
func (p *pump) awaits(d direction) bool {
	return p.have == 0 && p.plain() && p.socket.await(d)
}

// takesLong tells whether there is more to do for a direction behind a step than to end it.
func takesLong(err error) bool {
	return err == nil || errors.Is(err, errPause) || errors.Is(err, errMuch)
}

// goOn runs a direction behind a step that ended with err, until it waits in the
// poller again or ends. It is the whole of the direction's goroutine; an end that comes at once is the leader's.
func (s *Session) goOn(d direction, err error) {
	if takesLong(err) {
		err = s.guard(d.run)
		for err == nil {
			if d.source().socket.await(d) {
				return
			}
			err = s.guard(d.run)
		}
	}
	d.ended(err)
	if s.directions.Add(-1) > 0 {
		return
	}
	s.over(s.cause())
}

// cause waits until the end of a relayed session is through and returns why it ended.
func (s *Session) cause() error {
	s.mu.Lock()
	told, ended, parted := s.toldWhy, s.ended, s.parted
	s.mu.Unlock()
	if !parted {
		s.turn.stepAside()
		s.parting.Wait()
	}
	if told {
		s.linger()
	}
	return ended
}
