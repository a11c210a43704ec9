//go:build !portable

package netpoll

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// reporting has the reports of a socket's watchdog come to the test.
func reporting(s *Socket) (w *watchdog, reports chan string) {
	reports = make(chan string, 1)
	w = s.task.poller.watchdog
	w.looking.Lock()
	defer w.looking.Unlock()
	w.report = func(text string) {
		select {
		case reports <- text:
		default:
		}
	}
	return w, reports
}

// A leader that blocks is found, whether a worker or a fiber works for it.
func TestWatchdogFindsALeaderThatBlocks(t *testing.T) {
	for name, starts := range map[string]func(*Socket, func()){
		"in a worker": func(s *Socket, block func()) { s.Await(does(block)) },
		"in a fiber": func(s *Socket, block func()) {
			begin(s, func() { _, _ = s.Read(make([]byte, 1)); block() })
			for !pending(s) {
				time.Sleep(time.Millisecond)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := sockets(t)
			w, reports := reporting(s)
			goOn, over := make(chan struct{}), make(chan struct{})
			starts(s, func() { defer close(over); <-goOn })
			_, _ = peer.Write([]byte("a"))
			for len(reports) == 0 {
				w.look()
			}
			if text := <-reports; !strings.Contains(text, "TestWatchdogFindsALeaderThatBlocks") {
				t.Errorf("the report does not say where:\n%s", text)
			}
			close(goOn)
			<-over
		})
	}
}

// Who steps aside may wait, by whichever of the ways that do so.
func TestWatchdogLetsOthersWait(t *testing.T) {
	for name, wait := range map[string]func(s *Socket, locked *Mutex, ended chan struct{}){
		"for a lock":     func(s *Socket, locked *Mutex, _ chan struct{}) { locked.Lock(s.task); locked.Unlock() },
		"for a channel":  func(s *Socket, _ *Mutex, ended chan struct{}) { s.task.Wait(ended) },
		"for a callback": func(s *Socket, _ *Mutex, ended chan struct{}) { s.task.Blocking(func() { <-ended }) },
		"for bytes": func(s *Socket, _ *Mutex, _ chan struct{}) {
			_, _ = s.Read(make([]byte, 2))
			_, _ = s.Read(make([]byte, 2))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := sockets(t)
			w, reports := reporting(s)
			locked, ended, begun, over := new(Mutex), make(chan struct{}), make(chan struct{}), make(chan struct{})
			locked.Lock(nil)
			s.Await(does(func() { defer close(over); close(begun); wait(s, locked, ended) }))
			_, _ = peer.Write([]byte("a"))
			<-begun
			for range 20 {
				w.look()
			}
			if len(reports) > 0 {
				t.Error(<-reports)
			}
			locked.Unlock()
			close(ended)
			_ = peer.CloseWrite()
			<-over
		})
	}
}

// A lock that is held for a moment is nothing to report, one that is held on and on is.
func TestWatchdogLetsLocksBeHeldForAMoment(t *testing.T) {
	s, peer := sockets(t)
	w, reports := reporting(s)
	var lock sync.Mutex
	lock.Lock()
	over := make(chan struct{})
	s.Await(does(func() { defer close(over); lock.Lock(); lock.Unlock() })) //nolint:staticcheck // nothing to do under it
	_, _ = peer.Write([]byte("a"))
	for looks := 0; looks == 0; {
		w.look()
		w.looking.Lock()
		looks = w.looks
		w.looking.Unlock()
	}
	if len(reports) > 0 {
		t.Error(<-reports)
	}
	for len(reports) == 0 {
		w.look()
	}
	lock.Unlock()
	<-over
}

func TestGoroutineIn(t *testing.T) {
	for text, want := range map[string]string{
		"goroutine 7 [running]:\nmain.main()":                  "running",
		"goroutine 12 [chan receive, 2 minutes]:\nmain.main()": "chan receive, 2 minutes",
		"goroutine 3 [sync.Mutex.Lock]:":                       "sync.Mutex.Lock",
		"":                                                     "",
	} {
		if _, got := goroutineIn([]byte(text)); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
