//go:build !portable

package netpoll

import (
	"errors"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
)

// begin runs a function in the fiber of a socket's task, and returns what is closed afterwards.
func begin(s *Socket, run func()) (over chan struct{}) {
	over = make(chan struct{})
	s.task.fiber = newFiber(s.task, func() func() {
		run()
		return func() { close(over) }
	})
	go s.task.fiber.goOn()
	return over
}

func TestFiberWaits(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(*Socket, *net.TCPConn)
		waits   func(*Socket) error
		want    error
	}{
		"for bytes": {
			func(_ *Socket, p *net.TCPConn) { _, _ = p.Write([]byte("a")) },
			func(s *Socket) error { _, err := s.Read(make([]byte, 10)); return err }, nil,
		},
		"for bytes until a deadline": {
			func(s *Socket, _ *net.TCPConn) { _ = s.SetReadDeadline(Past) },
			func(s *Socket) error { _, err := s.Read(make([]byte, 10)); return err }, os.ErrDeadlineExceeded,
		},
		"for space": {
			func(_ *Socket, p *net.TCPConn) { drain(p) },
			func(s *Socket) error { _, err := s.Write(make([]byte, 32<<20)); return err }, nil,
		},
		"for space until a deadline": {
			func(s *Socket, _ *net.TCPConn) { _ = s.SetWriteDeadline(Past) },
			func(s *Socket) error { _, err := s.Write(make([]byte, 32<<20)); return err }, os.ErrDeadlineExceeded,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := sockets(t)
			var err error
			over := begin(s, func() { err = c.waits(s) })
			for !pending(s) {
				time.Sleep(time.Millisecond)
			}
			c.happens(s, peer)
			<-over
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// pending tells whether somebody waits for a socket.
func pending(s *Socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting != nil
}

// drain reads all that comes.
func drain(conn net.Conn) {
	go func() {
		buf := make([]byte, 1<<20)
		for {
			if _, err := conn.Read(buf); err != nil {
				return
			}
		}
	}()
}

// A fiber that has had the leader step aside may take its time; then the leader has it again.
func TestFiberStepsAside(t *testing.T) {
	s, peer := sockets(t)
	other, otherPeer := socketsOf(t, s.task.poller)
	blocked, goOn := make(chan struct{}), make(chan struct{})
	var led bool
	over := begin(s, func() {
		_, _ = s.Read(make([]byte, 1))
		s.task.stepAside()
		close(blocked)
		<-goOn
		_, _ = s.Read(make([]byte, 1))
		led = s.task.leader.Load() != nil
	})
	_, _ = peer.Write([]byte("a"))
	<-blocked
	turns := make(chan string, 1)
	if !other.Await(told{turns}) {
		t.Fatal("nothing has happened yet")
	}
	_, _ = otherPeer.Write([]byte("a"))
	<-turns // somebody leads
	close(goOn)
	for !pending(s) {
		time.Sleep(time.Millisecond)
	}
	_, _ = peer.Write([]byte("b"))
	<-over
	if !led {
		t.Error("not the leader's again")
	}
}

// One that left is a goroutine: two may wait for its sockets then.
func TestFiberLeaves(t *testing.T) {
	s, peer := sockets(t)
	over := begin(s, func() {
		s.task.Detach()
		_, _ = s.Read(make([]byte, 1))
	})
	for waiting := false; !waiting; {
		s.mu.Lock()
		waiting = s.input.wake != nil
		s.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	if pending(s) {
		t.Error("waits as a fiber")
	}
	_, _ = peer.Write([]byte("a"))
	<-over
}

// Functions one after the other run on one stack, and a poller keeps only so many.
func TestFibersAreUsedAgain(t *testing.T) {
	s, _ := sockets(t)
	p := s.task.poller
	spare := func() int {
		p.mu.Lock()
		defer p.mu.Unlock()
		return len(p.spare)
	}
	for range 3 {
		<-begin(s, func() {})
		for spare() != 1 {
			time.Sleep(time.Millisecond)
		}
	}
	var all []*fiber
	for range maxSpareFibers + 5 {
		all = append(all, newFiber(&Task{poller: p}, func() func() { return nil }))
	}
	for _, f := range all {
		f.goOn()
	}
	if n := spare(); n != maxSpareFibers {
		t.Errorf("%d fibers are kept", n)
	}
}

// More connections than are accepted in a row are all accepted, and others have their turn in between.
func TestManyAtOnce(t *testing.T) {
	n, ours, task := listening(t, "127.0.0.1:0", net.KeepAliveConfig{})
	const many = 5 * maxRow
	peers(t, ours, many)
	over := make(chan error, 1)
	n.Run(task, func() {
		for range many {
			conn, err := ours.Accept()
			if err != nil {
				over <- err
				return
			}
			_ = conn.Close()
		}
		over <- nil
	})
	if err := <-over; err != nil {
		t.Error(err)
	}
}

// A listener that is closed while connections are accepted in a row does not wait for another one.
func TestListenerIsClosedInARow(t *testing.T) {
	n, ours, task := listening(t, "127.0.0.1:0", net.KeepAliveConfig{})
	peers(t, ours, maxRow)
	s := ours.(*listener).socket
	told := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.listen(eventsIn) != nil || s.input.ready
	}
	over := make(chan error, 1)
	n.Run(task, func() {
		for !told() { // of all at once: no other event is to come
			runtime.Gosched()
		}
		for range maxRow {
			conn, err := ours.Accept()
			if err != nil {
				over <- err
				return
			}
			_ = conn.Close()
		}
		_ = s.SetReadDeadline(Past) // as Close does, which waits for Accept then
		_, err := ours.Accept()
		over <- err
	})
	if err := <-over; !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
