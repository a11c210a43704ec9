//go:build !portable

package netpoll

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// manyBytes is a raised low-water mark: what has to be there before a socket tells of it.
	manyBytes = 60 << 10
	// quietFor is how long nothing has to happen until all marks are lowered again, and quietAmong
	// how long nothing has to happen to one socket while others have something to tell.
	quietFor, quietAmong = 100 * time.Microsecond, time.Millisecond
)

// raise raises the low-water mark of a socket that is in the middle of a bulk transfer: it tells of bytes only when there are
// many. A relay that keeps up with its server would get 8 kB at a time, and a COPY of 1 kB rows cost twice the CPU. What is left
// at the end waits for quietFor. The leader calls it after each step.
func (p *poller) raise(s *Socket) {
	s.busy = true
	if p.setLowWater(s, manyBytes) {
		p.raised = append(p.raised, s)
	}
}

// lower lowers the marks of all sockets, or of those to which nothing has
// happened since it was called last: they tell of everything again, and of what is there at once.
func (p *poller) lower(all bool) {
	p.lowered = time.Now()
	p.raised = slices.DeleteFunc(p.raised, func(s *Socket) bool {
		if s.busy && !all {
			s.busy = false
			return false
		}
		p.setLowWater(s, 1)
		return true
	})
}

// waitForMany waits while there are raised marks. It returns the number of events, 0 when there are none any more.
func (p *poller) waitForMany() int {
	n := p.set.waitBriefly(p.events[:], quietFor)
	if n == 0 || time.Since(p.lowered) > quietAmong {
		p.lower(n == 0)
	}
	return n
}

// setLowWater sets how many bytes have to be there. It reports whether that was different before.
func (p *poller) setLowWater(s *Socket, bytes int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	raised := bytes > 1
	if s.closed || s.raised == raised || rawSetOption(s.fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, bytes) != nil {
		return false
	}
	s.raised = raised
	if !raised {
		_ = p.change(s, s.events) // what is there comes as an event
	}
	return true
}
