package proxy

import (
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// coarseBytes is what has to be there before a coarse socket tells of it.
	coarseBytes = 60 << 10
	// coarseFor is how long nothing has to happen until sockets tell of everything again, and coarseAmong
	// how long nothing has to happen to one while others have something to tell.
	coarseFor, coarseAmong = 100 * time.Microsecond, time.Millisecond
)

// coarsen makes a socket coarse, which is in the middle of a bulk transfer: it tells of bytes only when there are many. A relay
// that keeps up with its server would get 8 kB at a time, and a COPY of 1 kB rows cost twice the CPU. What is left
// at the end waits for coarseFor. The leader calls it after each step.
func (p *poller) coarsen(s *socket) {
	s.busy = true
	if s.setLowWater(coarseBytes) {
		p.coarse = append(p.coarse, s)
	}
}

// refine has sockets tell of everything again, and of what is there at once: all, or those to which nothing has
// happened since it was called last.
func (p *poller) refine(all bool) {
	p.refined = time.Now()
	p.coarse = slices.DeleteFunc(p.coarse, func(s *socket) bool {
		if s.busy && !all {
			s.busy = false
			return false
		}
		s.setLowWater(1)
		return true
	})
}

// waitCoarsely waits while there are coarse sockets. It returns the number of events, 0 when there are none any more.
func (p *poller) waitCoarsely() int {
	n := p.set.waitBriefly(p.events[:], coarseFor)
	if n == 0 || time.Since(p.refined) > coarseAmong {
		p.refine(n == 0)
	}
	return n
}

// setLowWater sets how many bytes have to be there. It reports whether that was different before.
func (s *socket) setLowWater(bytes int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	coarse := bytes > 1
	if s.closed || s.coarse == coarse || rawSetOption(s.fd, unix.SOL_SOCKET, unix.SO_RCVLOWAT, bytes) != nil {
		return false
	}
	s.coarse = coarse
	if !coarse {
		_ = s.turn.poller.change(s, s.events) // what is there comes as an event
	}
	return true
}
