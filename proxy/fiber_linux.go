package proxy

import (
	"iter"
	"sync"
)

// A fiber runs a function that waits for sockets again and again, as a login does, on the goroutine of whoever has it
// go on: mostly that of the poller's leader. To wait costs a switch within the thread then. A
// goroutine that waits has to be woken, which wakes a thread: three times the CPU for a new session.
//
// Where the function does what could take long it has the leader step aside, as everybody has to. The
// fiber waits for one socket at a time, and does not end before its function.
type fiber struct {
	turn  *turn
	mu    sync.Mutex // held while it runs
	next  func() (struct{}, bool)
	yield func(struct{}) bool
}

var _ waiter = (*fiber)(nil)

// newFiber makes a turn's fiber, which has not begun.
func newFiber(t *turn, f func()) *fiber {
	b := &fiber{turn: t}
	b.next, _ = iter.Pull(func(yield func(struct{}) bool) {
		b.yield = yield
		f()
	})
	return b
}

// pause is called by the function when a socket knows that the fiber waits for it.
func (f *fiber) pause() { f.yield(struct{}{}) }

// goOn implements waiter.
func (f *fiber) goOn(error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next()
}

// advance implements waiter.
func (f *fiber) advance(l *leader) (leads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn.lead(l)
	f.next()
	return f.turn.led(l)
}
