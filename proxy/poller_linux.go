package proxy

import (
	"sync"
	"sync/atomic"
	"time"

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
	latest  int32     // generation
	spare   []*fiber  // to be used again
	closed  bool
	done    chan struct{} // closed when nobody leads any more

	// What is left of the latest wait belongs to the leader.
	events [64]unix.EpollEvent
	next   int
	count  int

	// Sockets that tell of bytes only when there are many belong to the leader, too.
	coarse  []*socket
	refined time.Time
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
	for _, f := range p.spare {
		f.stop()
	}
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
	p.latest++
	s.generation = p.latest
	p.mu.Unlock()
	return p.set.add(s.fd, s.generation, events)
}

// change makes other events of a socket come, the present state as the first one.
func (p *poller) change(s *socket, events uint32) error {
	return p.set.change(s.fd, s.generation, events)
}

// remove forgets a socket. Its descriptor, when closed, leaves the epoll set by itself.
func (p *poller) remove(s *socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.fd < len(p.sockets) && p.sockets[s.fd] == s {
		p.sockets[s.fd] = nil
	}
}

// find returns the socket that an event is of, nil if it has been closed: behind the wait that brought the event the
// descriptor may have become another one's.
func (p *poller) find(event *unix.EpollEvent) *socket {
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
	l := new(leader)
	for {
		for p.next < p.count {
			event := &p.events[p.next]
			p.next++
			s, events := p.find(event), event.Events
			if s == nil {
				continue
			}
			if w := s.happened(events); w != nil && !w.advance(l) {
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
	p.next, p.count = 0, 0
	if len(p.coarse) > 0 {
		p.count = p.waitCoarsely()
	}
	if p.count == 0 {
		p.count = p.set.wait(p.events[:])
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.closed
}

// A leader is a goroutine's time at the head of a poller, which is over when somebody has taken it out
// of the turn where it works.
type leader struct{ _ byte }

// A turn is a session's part in its poller, or a listener's.
type turn struct {
	poller *poller
	leader atomic.Pointer[leader] // that works for the session; nil: none does
	fiber  *fiber                 // that waits in place of a goroutine; nil: none
}

// lead notes that the leader works for the session, led that it does not any more, and reports whether it still leads.
func (t *turn) lead(l *leader) { t.leader.Store(l) }

func (t *turn) led(l *leader) bool {
	return t.leader.CompareAndSwap(l, nil)
}

// stepAside is called before something that could take long. If the leader
// calls it, another goroutine leads on; if another goroutine of the session does
// while the leader works there, that does no harm. A nil turn is nobody's.
func (t *turn) stepAside() {
	if t == nil {
		return
	}
	if t.leader.Swap(nil) != nil {
		go t.poller.lead()
	}
}

// leaveFiber makes an ordinary goroutine of the caller for good, the leader or the session's fiber: before other goroutines
// wait for the session's sockets, and before what is long for a leader however often it waits.
func (t *turn) leaveFiber() {
	t.stepAside()
	t.endFiber()
}

// endFiber is called by a fiber that waits no more.
func (t *turn) endFiber() {
	if t != nil {
		t.fiber = nil
	}
}

// A waiter goes on when there may be something to do.
type waiter interface {
	// advance goes on as the poller's leader, and reports whether the caller still leads.
	advance(l *leader) (leads bool)
	// goOn goes on in a goroutine that may take its time, behind an advance that ended with err.
	goOn(err error)
}

func (r *requests) advance(l *leader) bool { return r.Session.advance(r, l) }
func (r *replies) advance(l *leader) bool  { return r.Session.advance(r, l) }

// advance relays what a direction can read, as the leader, and reports whether
// the caller still leads.
func (s *Session) advance(d direction, l *leader) (leads bool) {
	s.turn.lead(l)
	err := d.step()
	leads = s.turn.led(l)
	socket, bulky := d.source().socket, d.source().bulky()
	switch {
	case err == nil && socket.await(d):
		if leads && bulky {
			s.turn.poller.coarsen(socket)
		}
	case !leads:
		d.goOn(err)
	case takesLong(err):
		go d.goOn(err)
	default:
		s.turn.lead(l)
		d.goOn(err)
		leads = s.turn.led(l)
	}
	return leads
}
