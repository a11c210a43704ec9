//go:build !portable

package netpoll

import (
	"net"
	"runtime"
)

// A Network makes the connections of a server, and waits for them.
type Network struct {
	pollers []*poller
	next    int // of pollers
}

// New makes a Network. One does for two CPUs: a thread that finds several sessions
// ready in one wait needs less CPU than several that find one each.
func New() (*Network, error) {
	n := &Network{}
	for range max(1, runtime.GOMAXPROCS(0)/2) {
		p, err := newPoller()
		if err != nil {
			n.Close()
			return nil, err
		}
		n.pollers = append(n.pollers, p)
	}
	return n, nil
}

// Close ends the waits. All connections must have been closed.
func (n *Network) Close() {
	for _, p := range n.pollers {
		p.close()
	}
}

// task is that of a new session. It is called by one goroutine.
func (n *Network) task() *Task {
	n.next++
	return &Task{poller: n.pollers[n.next%len(n.pollers)]}
}

// Adopt returns an accepted connection with the task of its session. It is called by one goroutine.
func (n *Network) Adopt(conn net.Conn, keepAlive net.KeepAliveConfig) (net.Conn, *Task) {
	if s, ok := conn.(*Socket); ok { // which has the options from its listener
		return s, s.task
	}
	setKeepAlive(conn, keepAlive)
	t := n.task()
	return &foreignConn{conn, t}, t
}

// Run has f run, in the fiber of a task if there is one.
func (n *Network) Run(t *Task, f func()) {
	if t == nil {
		go f()
		return
	}
	t.fiber = newFiber(t, func() func() { f(); return nil })
	go t.fiber.goOn()
}

// Receive has f run in a fiber when the first bytes of an accepted connection are there, or its deadline is over; and
// then what f returns, when goroutines may wait for the task's connections. Where no poller waits for
// the connection, f waits itself.
func (n *Network) Receive(conn net.Conn, f func() (then func())) {
	s, ok := conn.(*Socket)
	if !ok {
		go func() { f()() }()
		return
	}
	fiber := newFiber(s.task, f)
	s.task.fiber = fiber
	s.mu.Lock()
	waits := s.await(fiber)
	s.mu.Unlock()
	if !waits {
		go fiber.goOn()
	}
}

// Counts tells what the network knows.
func (n *Network) Counts() (c Counts) {
	for _, p := range n.pollers {
		p.mu.Lock()
		c.Spare += len(p.spare)
		for _, s := range p.sockets {
			if s != nil {
				count(s, &c)
			}
		}
		p.mu.Unlock()
	}
	return c
}

// count adds what is known of a socket.
func count(s *Socket, c *Counts) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == waiter(s) { // not a fiber
		c.Waiting++
	}
	if s.output.wake != nil {
		c.Blocked++
	}
}
