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
func (r *requests) ended(err error)             { r.session.depart(departureOfClient(err), r.skip > 0) }
func (r *requests) Step() (netpoll.Next, error) { return stepOf(r) }
func (r *requests) Work(err error)              { r.session.work(r, err) }

func (r *replies) source() *pump               { return r.pump }
func (r *replies) ended(err error)             { r.session.depart(departureOfServer(err), false) }
func (r *replies) Step() (netpoll.Next, error) { return stepOf(r) }
func (r *replies) Work(err error)              { r.session.work(r, err) }

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

// awaits lets a direction wait in the poller. It reports false if there is
// something to do, no poller, or TLS, which may have read more than it was asked for.
func (p *pump) awaits(d direction) bool {
	return p.have == 0 && p.plain() && p.socket.Await(d)
}

// takesLong tells whether there is more to do for a direction after a step than to end it.
func takesLong(err error) bool {
	return err == nil || errors.Is(err, errPause) || errors.Is(err, errMuch)
}
