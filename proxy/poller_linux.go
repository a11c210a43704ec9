package proxy

import (
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A poller waits for the sockets of its sessions: one epoll set, and one goroutine
// at a time that leads. The leader waits for events and relays what they bring
// itself, so that a message costs no switch of goroutines; before it does what
// could take long it hands the lead to a new goroutine and goes on as an ordinary
// one (the Leader/Followers pattern). Safe for concurrent use.
//
// Two goroutines per session that wait in the runtime's poller need 15 % more CPU per
// transaction at 16 clients, and 1,200 bytes more for an idle session, most of
// them what the runtime keeps per descriptor.
type poller struct {
	set *epollSet

	mu      sync.Mutex
	sockets []*socket // by descriptor; a map would take three times as much
	closed  bool
	done    chan struct{} // closed when nobody leads any more

	// What is left of the latest wait belongs to the leader.
	events [64]unix.EpollEvent
	next   int
	count  int
}

// newPoller makes an empty epoll set, with its leader.
func newPoller() (*poller, error) {
	set, err := newEpollSet()
	if err != nil {
		return nil, err
	}
	p := &poller{set: set, done: make(chan struct{})}
	go p.lead()
	return p, nil
}

// close ends the leader. All sockets must have been closed.
func (p *poller) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.set.wake()
	<-p.done
	p.set.close()
}

// add lets a socket's events come, the present state as the first one.
func (p *poller) add(s *socket, events uint32) error {
	p.mu.Lock()
	for len(p.sockets) <= s.fd {
		p.sockets = append(p.sockets, nil)
	}
	p.sockets[s.fd] = s
	p.mu.Unlock()
	return p.set.add(s.fd, events)
}

// remove forgets a socket. Its descriptor, when closed, leaves the epoll set by itself.
func (p *poller) remove(s *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.fd < len(p.sockets) && p.sockets[s.fd] == s {
		p.sockets[s.fd] = nil
	}
}

// find returns the socket of a descriptor, nil if it has been closed.
func (p *poller) find(fd int32) *socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(fd) >= len(p.sockets) {
		return nil
	}
	return p.sockets[fd]
}

// lead handles events until the lead is handed over or the poller is closed.
func (p *poller) lead() {
	for {
		for p.next < p.count {
			event := p.events[p.next]
			p.next++
			s := p.find(event.Fd)
			if s == nil {
				continue
			}
			if d := s.happened(event.Events); d != nil && !advance(d, s.turn) {
				return
			}
		}
		if !p.wait() {
			close(p.done)
			return
		}
	}
}

// wait waits for events. It reports false when the poller has been closed.
func (p *poller) wait() bool {
	p.next, p.count = 0, p.set.wait(p.events[:])
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed
}

// A turn is a session's part in its poller. leading is set while the poller's leader works
// for the session.
type turn struct {
	poller  *poller
	leading atomic.Bool
}

// stepAside is called before something that could take long. If the leader
// calls it, another goroutine leads on; if another goroutine of the session does
// while the leader works there, that does no harm. A nil turn is nobody's.
func (t *turn) stepAside() {
	if t != nil && t.leading.Swap(false) {
		go t.poller.lead()
	}
}

// advance relays what a direction can read, as the leader, and reports whether
// the caller still leads.
func advance(d direction, t *turn) (leads bool) {
	t.leading.Store(true)
	err := d.step()
	leads = t.leading.Swap(false)
	switch {
	case err == nil && d.source().socket.await(d):
	case leads:
		go d.goOn(err)
	default:
		d.goOn(err)
	}
	return leads
}
