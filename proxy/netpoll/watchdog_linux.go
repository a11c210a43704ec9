//go:build !portable

package netpoll

import (
	"bytes"
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A watchdog ends the test in which a poller's leader blocks while it works for a task. Outside of tests there is none,
// nor in benchmarks: all goroutines are stopped while it looks at them.
type watchdog struct {
	// work changes when the leader begins and ends to work for a task: it is odd while that goes on.
	work   atomic.Uint64
	leader atomic.Uint64 // the goroutine that leads
	fiber  atomic.Uint64 // that works in its place; 0: none
	stop   chan struct{}

	looking   sync.Mutex // held while it looks, for what follows
	report    func(string)
	suspected uint64 // the work at the latest look, if the leader waited for what should not take long
	looks     int    // since then
}

const (
	watchEvery = 50 * time.Millisecond
	// watchLooks is how often a leader may be found in what should not take long, as a lock that others hold for a moment.
	watchLooks = 200
)

// States of a goroutine, as tracebacks tell them.
var (
	blockedStates = []string{"chan receive", "chan send", "select", "sleep", "IO wait", "sync.Cond.Wait", "sync.WaitGroup.Wait"}
	slowStates    = []string{"sync.Mutex.Lock", "sync.RWMutex", "semacquire", "syscall"}
)

// newWatchdog starts one, if this is a test.
func newWatchdog() *watchdog {
	bench := flag.Lookup("test.bench")
	if bench == nil || bench.Value.String() != "" {
		return nil
	}
	w := &watchdog{report: func(text string) { panic(text) }, stop: make(chan struct{})}
	go w.run()
	return w
}

func (w *watchdog) run() {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			w.look()
		case <-w.stop:
			return
		}
	}
}

func (w *watchdog) close() {
	if w != nil {
		close(w.stop)
	}
}

// goroutine is the number of the caller's.
func (w *watchdog) goroutine() uint64 {
	if w == nil {
		return 0
	}
	var head [64]byte
	id, _ := goroutineIn(head[:runtime.Stack(head[:], false)])
	return id
}

// leads notes that the caller leads from now on.
func (w *watchdog) leads() {
	if w != nil {
		w.leader.Store(w.goroutine())
	}
}

// works notes that the leader begins to work for a task, rests that it does not any more.
func (w *watchdog) works() {
	if w != nil {
		w.fiber.Store(0)
		w.work.Add(1)
	}
}

func (w *watchdog) rests() {
	if w != nil {
		w.work.Add(1)
	}
}

// resumes notes the fiber that works in place of the leader.
func (w *watchdog) resumes(fiber uint64) {
	if w != nil {
		w.fiber.Store(fiber)
	}
}

// look reports a leader that blocks.
func (w *watchdog) look() {
	w.looking.Lock()
	defer w.looking.Unlock()
	work := w.work.Load()
	if work%2 == 0 {
		return
	}
	time.Sleep(time.Millisecond) // most work is over by then
	id := w.leader.Load()
	if fiber := w.fiber.Load(); fiber != 0 {
		id = fiber
	}
	if w.work.Load() != work {
		return
	}
	stack := stackOf(id)
	if w.work.Load() != work {
		return
	}
	_, state := goroutineIn(stack)
	switch {
	case isOne(state, blockedStates):
		w.report(fmt.Sprintf("netpoll: a leader blocks, and with it all sessions of its poller:\n%s", stack))
	case !isOne(state, slowStates):
		w.looks = 0
	case w.suspected != work:
		w.suspected, w.looks = work, 1
	default:
		if w.looks++; w.looks > watchLooks {
			w.report(fmt.Sprintf("netpoll: a leader has blocked for long, and with it all sessions of its poller:\n%s", stack))
		}
	}
}

func isOne(state string, states []string) bool {
	for _, s := range states {
		if strings.HasPrefix(state, s) {
			return true
		}
	}
	return false
}

// stackOf is the traceback of a goroutine, nil if there is none of that number.
func stackOf(id uint64) []byte {
	all := make([]byte, 1<<16)
	n := runtime.Stack(all, true)
	for n == len(all) {
		all = make([]byte, 2*len(all))
		n = runtime.Stack(all, true)
	}
	for stack := range bytes.SplitSeq(all[:n], []byte("\n\n")) {
		if number, _ := goroutineIn(stack); number == id {
			return stack
		}
	}
	return nil
}

// goroutineIn reads a traceback's first line: "goroutine 7 [chan receive, 2 minutes]:".
func goroutineIn(stack []byte) (id uint64, state string) {
	rest, _ := bytes.CutPrefix(stack, []byte("goroutine "))
	number, rest, _ := bytes.Cut(rest, []byte(" "))
	id, _ = strconv.ParseUint(string(number), 10, 64)
	_, rest, _ = bytes.Cut(rest, []byte("["))
	inside, _, _ := bytes.Cut(rest, []byte("]"))
	return id, string(inside)
}
