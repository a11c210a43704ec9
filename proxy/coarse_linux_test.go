package proxy

import "testing"

// bulkReader is a waiter that makes its socket coarse each time that it has read, and tells how much that was.
type bulkReader struct {
	s    *socket
	read chan int
}

func (r bulkReader) goOn(error) {}

func (r bulkReader) advance(*leader) bool {
	n, _ := r.s.tryRead(make([]byte, 1<<20))
	if !r.s.await(r) { // the end
		r.read <- n
		return true
	}
	r.s.turn.poller.coarsen(r.s)
	r.read <- n
	return true
}

// What is too little for a coarse socket comes all the same, whether others have something to tell or not.
func TestCoarseSocket(t *testing.T) {
	for name, others := range map[string]bool{"alone": false, "among others": true} {
		t.Run(name, func(t *testing.T) {
			s, peer := sockets(t)
			if others {
				chatty(t, s.turn.poller)
			}
			r := bulkReader{s, make(chan int, 100)}
			if !s.await(r) {
				t.Fatal("something has happened already")
			}
			for _, size := range []int{1, 10, coarseBytes, 100, coarseBytes + 1, 1} {
				if _, err := peer.Write(make([]byte, size)); err != nil {
					t.Fatal(err)
				}
				for got := 0; got < size; {
					got += <-r.read
				}
			}
			_ = peer.Close()
			if n := <-r.read; n != 0 {
				t.Errorf("%d bytes behind the end", n)
			}
		})
	}
}

// chatty has events come to a poller one upon the other until the test ends.
func chatty(t *testing.T, p *poller) {
	s, peer := socketsOf(t, p)
	stop, over := make(chan struct{}), make(chan struct{})
	if !s.await(echoer{s}) {
		t.Fatal("something has happened already")
	}
	go func() {
		defer close(over)
		var b [1]byte
		for {
			select {
			case <-stop:
				return
			default:
			}
			_, _ = peer.Write(b[:])
			_, _ = peer.Read(b[:])
		}
	}()
	t.Cleanup(func() { close(stop); <-over })
}

// echoer is a waiter that sends back what it reads.
type echoer struct{ s *socket }

func (e echoer) goOn(error) {}

func (e echoer) advance(*leader) bool {
	var b [1]byte
	if n, _ := e.s.tryRead(b[:]); n > 0 {
		_, _ = rawWrite(e.s.fd, b[:])
	}
	_ = e.s.await(e)
	return true
}

// A transfer is bulky from a megabyte on that comes in large pieces.
func TestBulky(t *testing.T) {
	s, _ := sockets(t)
	p := newPump(s, nil)
	read := func(n int) {
		p.room()
		p.read(min(n, len(p.buf)), len(p.buf))
		p.discard(p.have)
	}
	for sent := 0; sent < bulk; sent += smallBuffer {
		if p.bulky() {
			t.Fatalf("after %d bytes", sent)
		}
		read(smallBuffer)
	}
	if !p.bulky() {
		t.Error("never")
	}
	read(smallBuffer - 1)
	if p.bulky() {
		t.Error("behind a small piece")
	}
}
