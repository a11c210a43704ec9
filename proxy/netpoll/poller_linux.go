//go:build !portable

package netpoll

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A poller waits for the sockets of its sessions: one epoll set, and one goroutine
// at a time that leads. The leader waits for events and relays what they bring
// itself; before it does what could take long it hands the lead to a new goroutine
// and goes on as an ordinary one. Safe for concurrent use.
//
// Two goroutines per session that wait in the runtime's poller need 15 % more CPU per
// transaction at 16 clients, and 1,200 bytes more for an idle session, most of
// them what the runtime keeps per descriptor.
type poller struct {
	set *epollSet

	mu      sync.Mutex
	sockets []*Socket // by descriptor; a map would take three times as much
	latest  int32     // generation
	spare   []*fiber  // to be used again
	closed  bool
	done    chan struct{} // closed when nobody leads any more

	watchdog *watchdog // nil outside of tests

	// What is left of the latest wait belongs to the leader.
	events [64]unix.EpollEvent
	next   int
	count  int

	// Sockets whose low-water mark is raised belong to the leader, too.
	raised  []*Socket
	lowered time.Time // when lower was called last
}

// newPoller makes an empty epoll set, with its leader.
func newPoller() (*poller, error) {
	set, err := newEpollSet()
	if err != nil {
		return nil, err
	}
	p := &poller{set: set, done: make(chan struct{}), watchdog: newWatchdog()}
	go p.lead()
	return p, nil
}

// close ends the leader. All sockets must have been closed.
func (p *poller) close() {
	p.mu.Lock()
	p.closed = true
	for _, f := range p.spare {
		f.stop()
	}
	p.mu.Unlock()
	p.set.wake()
	<-p.done
	p.set.close()
	p.watchdog.close()
}

// add lets a socket's events come, the present state as the first one.
func (p *poller) add(s *Socket, events uint32) error {
	p.mu.Lock()
	for len(p.sockets) <= s.fd {
		p.sockets = append(p.sockets, nil)
	}
	p.sockets[s.fd] = s
	p.latest++
	s.generation = p.latest
	p.mu.Unlock()
	return p.set.add(s.fd, s.generation, events)
}

// change makes other events of a socket come, the present state as the first one.
func (p *poller) change(s *Socket, events uint32) error {
	return p.set.change(s.fd, s.generation, events)
}

// remove forgets a socket. Its descriptor, when closed, leaves the epoll set by itself.
func (p *poller) remove(s *Socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.fd < len(p.sockets) && p.sockets[s.fd] == s {
		p.sockets[s.fd] = nil
	}
}

// find returns the socket that an event is of, nil if it has been closed: after the wait that brought the event the
// descriptor may have become another one's.
func (p *poller) find(event *unix.EpollEvent) *Socket {
	p.mu.Lock()
	defer p.mu.Unlock()
	if int(event.Fd) >= len(p.sockets) {
		return nil
	}
	if s := p.sockets[event.Fd]; s != nil && s.generation == generation(event) {
		return s
	}
	return nil
}

// lead handles events until the lead is handed over or the poller is closed.
func (p *poller) lead() {
	l := &leader{woke: true} // by the one that stepped aside, perhaps
	p.watchdog.leads()
	for {
		for p.next < p.count {
			event := &p.events[p.next]
			p.next++
			s, events := p.find(event), event.Events
			if s == nil {
				continue
			}
			if w := s.happened(events); w != nil {
				p.watchdog.works()
				if !w.advance(l) {
					return
				}
				p.watchdog.rests()
			}
			l.woke = l.woke || s.task.waits.Load() > 0
		}
		if !p.wait(l) {
			close(p.done)
			return
		}
	}
}

// wait waits for events, after those whom the leader may have woken had their turn. It reports false when the poller
// has been closed.
func (p *poller) wait(l *leader) bool {
	p.next, p.count = 0, 0
	if l.woke {
		l.woke = false
		runtime.Gosched()
	}
	if len(p.raised) > 0 {
		p.count = p.waitForMany()
	}
	if p.count == 0 {
		p.count = p.set.wait(p.events[:])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed
}

// A waiter goes on when something has happened to its socket.
type waiter interface {
	// advance goes on as the poller's leader, and reports whether the caller still leads.
	advance(l *leader) (leads bool)
	// goOn goes on in a goroutine that may take its time, when a deadline is over.
	goOn()
}
