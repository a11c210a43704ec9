//go:build !portable

package netpoll

import "testing"

// bulkReader is a worker in the middle of a bulk transfer, which tells how much it has read each time.
type bulkReader struct {
	s    *Socket
	read chan int
}

func (r bulkReader) Step() (Next, error) {
	n, _ := r.s.tryRead(make([]byte, 1<<20))
	r.read <- n
	if n == 0 {
		return End, nil
	}
	return WaitForMany, nil
}

func (r bulkReader) Work(error) {}

// What is less than the low-water mark comes all the same, whether others have something to tell or not.
func TestRaisedLowWaterMark(t *testing.T) {
	for name, others := range map[string]bool{"alone": false, "among others": true} {
		t.Run(name, func(t *testing.T) {
			s, peer := sockets(t)
			if others {
				chatty(t, s.task.poller)
			}
			r := bulkReader{s, make(chan int, 100)}
			if !s.Await(r) {
				t.Fatal("something has happened already")
			}
			for _, size := range []int{1, 10, manyBytes, 100, manyBytes + 1, 1} {
				if _, err := peer.Write(make([]byte, size)); err != nil {
					t.Fatal(err)
				}
				for got := 0; got < size; {
					got += <-r.read
				}
			}
			_ = peer.Close()
			if n := <-r.read; n != 0 {
				t.Errorf("%d bytes after the end", n)
			}
		})
	}
}

// chatty has events come to a poller one upon the other until the test ends.
func chatty(t *testing.T, p *poller) {
	s, peer := socketsOf(t, p)
	stop, over := make(chan struct{}), make(chan struct{})
	if !s.Await(echoer{s}) {
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

// echoer is a worker that sends back what it reads.
type echoer struct{ s *Socket }

func (e echoer) Step() (Next, error) {
	var b [1]byte
	if n, _ := e.s.tryRead(b[:]); n > 0 {
		_, _ = rawWrite(e.s.fd, b[:])
	}
	return Wait, nil
}

func (e echoer) Work(error) {}
