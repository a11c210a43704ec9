package proxy

import (
	"errors"
	"mzproxy/proxy/netpoll"
)

// A direction is one half of a relayed session: requests or replies. While there
// is nothing to do it waits in the poller, without a goroutine. The poller's
// leader relays what comes, up to where that could take long; a goroutine of the
// direction's own does the rest and ends when nothing is left. Where no poller waits
// for the connection, that goroutine lives as long as the direction.
type direction interface {
	consumer
	netpoll.Worker
	source() *pump
	step() error     // relays what there is, without waiting for the peer: see pump.step
	run() error      // the same, at length, with what waits
	ended(err error) // says what the end means for the session
}

var (
	_ direction = (*requests)(nil)
	_ direction = (*replies)(nil)
)

func (r *requests) source() *pump               { return r.pump }
func (r *requests) ended(err error)             { r.clientEnded(err) }
func (r *requests) Step() (netpoll.Next, error) { return stepOf(r) }
func (r *requests) Work(err error)              { r.work(r, err) }

func (r *replies) source() *pump               { return r.pump }
func (r *replies) ended(err error)             { r.serverEnded(err) }
func (r *replies) Step() (netpoll.Next, error) { return stepOf(r) }
func (r *replies) Work(err error)              { r.work(r, err) }

// stepOf relays what a direction can read, for its netpoll.Worker.
func stepOf(d direction) (netpoll.Next, error) {
	err := d.step()
	switch {
	case err == nil && d.source().bulky():
		return netpoll.WaitForMany, nil
	case err == nil:
		return netpoll.Wait, nil
	case takesLong(err):
		return netpoll.WorkOn, err
	}
	return netpoll.End, err
}

// relay starts both directions. The last one to end closes the session.
func (s *Session) relay() {
	s.directions.Store(2)
	if !s.requests.pump.awaits(s.requests) {
		go s.requests.Work(nil)
	}
	if !s.replies.pump.awaits(s.replies) {
		s.task.Blocking(func() { s.replies.Work(nil) })
	}
}

// awaits lets a direction wait in the poller. It reports false if there is
// something to do, no poller, or TLS, which may have read more than it was asked for.
func (p *pump) awaits(d direction) bool {
	return p.have == 0 && p.plain() && p.socket.Await(d)
}

// takesLong tells whether there is more to do for a direction after a step than to end it.
func takesLong(err error) bool {
	return err == nil || errors.Is(err, errPause) || errors.Is(err, errMuch)
}

// work runs a direction after a step that ended with err, until it waits in the
// poller again or ends. It is the whole of the direction's goroutine; an end that comes at once is the leader's.
func (s *Session) work(d direction, err error) {
	if takesLong(err) {
		err = s.guard(d.run)
		for err == nil {
			if d.source().socket.Await(d) {
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
		s.task.Blocking(s.parting.Wait)
	}
	if told {
		s.linger()
	}
	return ended
}
