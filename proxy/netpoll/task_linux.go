//go:build !portable

package netpoll

import "sync/atomic"

// A leader is a goroutine's time at the head of a poller, which is over when somebody has taken it out
// of the task where it works.
type leader struct {
	// woke is set where others may have been woken since they had their turn: they are in the queue of the processor that the leader would
	// keep while it waits, and other processors may be busy.
	woke bool
}

// A Task is what is done for a session, or a listener, in its poller. A nil Task is that of nobody who leads.
type Task struct {
	poller *poller
	leader atomic.Pointer[leader] // that works for it; nil: none does
	fiber  *fiber                 // that waits in place of a goroutine; nil: none
	waits  atomic.Int32           // of goroutines, which the leader may end
}

// lead notes that the leader works for the task, led that it does not any more, and reports whether it still leads.
func (t *Task) lead(l *leader) { t.leader.Store(l) }

func (t *Task) led(l *leader) bool {
	return t.leader.CompareAndSwap(l, nil)
}

// stepAside is called before something that could take long. If the leader
// calls it, another goroutine leads on; if another goroutine of the task does
// while the leader works there, that does no harm.
func (t *Task) stepAside() {
	if t == nil {
		return
	}
	if t.leader.Swap(nil) != nil {
		t.poller.watchdog.rests()
		go t.poller.lead()
	}
}

// beginWait steps aside for a wait, which endWait ends.
func (t *Task) beginWait() {
	if t != nil {
		t.waits.Add(1)
		t.stepAside()
	}
}

func (t *Task) endWait() {
	if t != nil {
		t.waits.Add(-1)
	}
}

// Detach makes an ordinary goroutine of the caller for good, the leader or the task's fiber: before other goroutines
// wait for the task's sockets, and before what is long for a leader however often it waits.
func (t *Task) Detach() {
	if t == nil {
		return
	}
	t.stepAside()
	t.fiber = nil
}
