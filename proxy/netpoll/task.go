package netpoll

import (
	"sync"
	"time"
)

// Past is a deadline that ends what waits for a connection now.
var Past = time.Unix(1, 0)

// A Worker has something to do whenever its socket has something to read.
type Worker interface {
	// Step does what can be done at once, and says what comes next. It runs as the leader: others wait meanwhile.
	Step() (Next, error)
	// Work does what Step left to do, with Step's error: in a goroutine of its own, which may take its time,
	// unless Step said End. It is called with nil, too, when the time of an Await is over.
	Work(err error)
}

// Next is what comes after a Worker's step.
type Next uint8

const (
	Wait        Next = iota // for more to read
	WaitForMany             // bytes: in the middle of a bulk transfer, a few need not be told of at once
	WorkOn                  // Work has more to do
	End                     // Work has to end what it does, which does not take long
)

// A Mutex is a lock that others may hold for long. The zero value is unlocked.
type Mutex struct{ mu sync.Mutex }

// Lock locks m for a task.
func (m *Mutex) Lock(t *Task) {
	if !m.mu.TryLock() {
		t.beginWait()
		m.mu.Lock()
		t.endWait()
	}
}

// Unlock unlocks m.
func (m *Mutex) Unlock() { m.mu.Unlock() }

// Wait returns when a channel is closed, or has had something to receive.
func (t *Task) Wait(c <-chan struct{}) {
	select {
	case <-c:
	default:
		t.beginWait()
		<-c
		t.endWait()
	}
}

// Blocking calls f, which may take long.
func (t *Task) Blocking(f func()) {
	t.beginWait()
	defer t.endWait()
	f()
}

// Counts is how many there are of what a Network knows; where no poller waits, there are none.
type Counts struct {
	Waiting int // workers that wait for something to read
	Blocked int // sockets that somebody waits to write to
	Spare   int // goroutines that are kept for functions to come
}
