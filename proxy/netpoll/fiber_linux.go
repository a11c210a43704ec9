//go:build !portable

package netpoll

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
	task  *Task
	run   func() (then func()) // nil: it is over
	mu    sync.Mutex           // held while it runs
	next  func() (struct{}, bool)
	stop  func()
	yield func(struct{}) bool
	id    uint64 // of its goroutine, for the watchdog
}

var _ waiter = (*fiber)(nil)

// newFiber makes a task's fiber, which has not begun.
func newFiber(t *Task, run func() (then func())) *fiber {
	f := t.poller.spareFiber()
	if f == nil {
		f = &fiber{}
		f.next, f.stop = iter.Pull(f.loop)
	}
	f.task, f.run = t, run
	return f
}

// loop runs one function after the other: a stack that has grown is kept.
func (f *fiber) loop(yield func(struct{}) bool) {
	f.id = f.task.poller.watchdog.goroutine()
	for f.yield = yield; ; {
		then := f.run()
		f.task.fiber = nil // others may wait for the task's sockets from now on
		if then != nil {
			then()
		}
		f.run = nil
		if !yield(struct{}{}) {
			return
		}
	}
}

// pause is called by the function when a socket knows that the fiber waits for it.
func (f *fiber) pause() { f.yield(struct{}{}) }

// resume lets the function run until it waits or ends; mu is held.
func (f *fiber) resume() {
	f.next()
	if f.run == nil {
		f.task.poller.keepFiber(f)
	}
}

// goOn implements waiter.
func (f *fiber) goOn() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.resume()
}

// advance implements waiter.
func (f *fiber) advance(l *leader) (leads bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.task
	t.poller.watchdog.resumes(f.id)
	t.lead(l)
	f.resume()
	return t.led(l)
}

// maxSpareFibers is how many a poller keeps for functions to come.
const maxSpareFibers = 16

// spareFiber returns a fiber whose function is over, nil if there is none.
func (p *poller) spareFiber() *fiber {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.spare)
	if n == 0 {
		return nil
	}
	f := p.spare[n-1]
	p.spare = p.spare[:n-1]
	return f
}

// keepFiber takes a fiber whose function is over.
func (p *poller) keepFiber(f *fiber) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.spare) >= maxSpareFibers {
		f.stop()
		return
	}
	f.task = nil
	p.spare = append(p.spare, f)
}
