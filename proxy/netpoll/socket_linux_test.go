//go:build !portable

package netpoll

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// sockets returns one of ours and its peer.
func sockets(t *testing.T) (ours *Socket, peer *net.TCPConn) {
	t.Helper()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return socketsOf(t, n.pollers[0])
}

// socketsOf returns another one, of a poller.
func socketsOf(t *testing.T, p *poller) (ours *Socket, peer *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := Dial(t.Context(), &Task{poller: p}, "tcp", ln.Addr().String(), net.KeepAliveConfig{})
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _, _ = conn.Close(), accepted.Close(), ln.Close() })
	return conn.(*Socket), accepted.(*net.TCPConn)
}

// listening returns a listener of ours, which ends with the test.
func listening(t *testing.T, address string, keepAlive net.KeepAliveConfig) (*Network, net.Listener, *Task) {
	t.Helper()
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	ours, task, err := n.Listen(ln, keepAlive)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	return n, ours, task
}

// peers connects so many to a listener until the test ends.
func peers(t *testing.T, ln net.Listener, many int) {
	t.Helper()
	for range many {
		peer, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = peer.Close() })
	}
}

// told is a worker that tells when it is its turn.
type told struct{ turns chan string }

var errStepped = errors.New("has stepped")

func (w told) Step() (Next, error) { w.turns <- "step"; return End, errStepped }

func (w told) Work(err error) {
	if err == nil {
		w.turns <- "work"
	}
}

// register lets events come before there are bytes.
func register(t *testing.T, s *Socket) {
	t.Helper()
	_ = s.SetReadDeadline(time.Now().Add(time.Millisecond))
	if _, err := s.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	_ = s.SetReadDeadline(time.Time{})
}

// Whatever a Read leaves behind, a direction that wants to wait afterwards finds.
func TestNothingIsLostBetweenReadAndAwait(t *testing.T) {
	for name, c := range map[string]struct {
		peer func(*net.TCPConn)
		read func(*Socket)
		end  bool
	}{
		"a read that was too small": {
			func(p *net.TCPConn) { _, _ = p.Write([]byte("abc")) },
			func(s *Socket) { _, _ = s.Read(make([]byte, 1)) },
			false,
		},
		"a read that came too late": {
			func(p *net.TCPConn) { _, _ = p.Write([]byte("abc")) },
			func(s *Socket) {
				_ = s.SetReadDeadline(Past)
				_, _ = s.Read(make([]byte, 10))
				_ = s.SetReadDeadline(time.Time{})
			},
			false,
		},
		"an end after the bytes": {
			func(p *net.TCPConn) { _, _ = p.Write([]byte("abc")); _ = p.CloseWrite() },
			func(s *Socket) { _, _ = s.Read(make([]byte, 10)) },
			true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := sockets(t)
			register(t, s)
			c.peer(peer)
			seen := func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.input.ready && s.atEnd.Load() == c.end
			}
			for !seen() { // the event goes to nobody
				time.Sleep(time.Millisecond)
			}
			c.read(s)
			if s.Await(told{}) {
				t.Error("waits for an event that has been")
			}
		})
	}
}

func TestAwaitedSocket(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(*Socket, *net.TCPConn)
		want    string
	}{
		"bytes":                     {func(_ *Socket, p *net.TCPConn) { _, _ = p.Write([]byte("a")) }, "step"},
		"the end":                   {func(_ *Socket, p *net.TCPConn) { _ = p.Close() }, "step"},
		"a reset":                   {func(_ *Socket, p *net.TCPConn) { _ = p.SetLinger(0); _ = p.Close() }, "step"},
		"a deadline":                {func(s *Socket, _ *net.TCPConn) { _ = s.SetReadDeadline(Past) }, "work"},
		"a deadline in a moment":    {func(s *Socket, _ *net.TCPConn) { _ = s.SetDeadline(time.Now().Add(time.Millisecond)) }, "work"},
		"bytes in spite of another": {func(s *Socket, p *net.TCPConn) { _ = s.SetWriteDeadline(Past); _, _ = p.Write([]byte("a")) }, "step"},
	} {
		t.Run(name, func(t *testing.T) {
			s, peer := sockets(t)
			turns := make(chan string, 1)
			if !s.Await(told{turns}) {
				t.Fatal("nothing has happened yet")
			}
			c.happens(s, peer)
			if got := <-turns; got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestDeadlineThatIsMoved(t *testing.T) {
	s, peer := sockets(t)
	_ = s.SetReadDeadline(time.Now().Add(time.Millisecond))
	_ = s.SetReadDeadline(time.Now().Add(time.Hour))
	read := make(chan error, 1)
	go func() { _, err := s.Read(make([]byte, 1)); read <- err }()
	_, _ = peer.Write([]byte("a"))
	if err := <-read; err != nil {
		t.Error(err)
	}
}

func TestDial(t *testing.T) {
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1"} {
		conn, err := Dial(t.Context(), n.task(), "tcp", net.JoinHostPort(host, port), net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: time.Second, Count: 2})
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		if got := conn.RemoteAddr().String(); got != ln.Addr().String() {
			t.Errorf("%s: connected to %s", host, got)
		}
		_ = conn.Close()
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if conn, err := Dial(ended, n.task(), "tcp", ln.Addr().String(), net.KeepAliveConfig{}); !errors.Is(err, context.Canceled) {
		t.Errorf("too late: %v, %v", conn, err)
	}
	_ = ln.Close()
	var refused *net.OpError
	if _, err := Dial(t.Context(), n.task(), "tcp", ln.Addr().String(), net.KeepAliveConfig{}); !errors.As(err, &refused) || refused.Op != "dial" {
		t.Errorf("a closed port: %v", err)
	}
	if _, err := Dial(t.Context(), n.task(), "tcp", "host.invalid:1", net.KeepAliveConfig{}); err == nil {
		t.Error("a host that does not exist")
	}
}

// An address that does not answer leaves time for the others.
func TestTimeIsSharedByAddresses(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for n, want := range map[int]time.Duration{1: time.Hour, 2: 30 * time.Minute, 4: 15 * time.Minute} {
		share, done := shareOf(ctx, n)
		deadline, _ := share.Deadline()
		if got := time.Until(deadline); got > want || got < want-time.Minute {
			t.Errorf("%s for one of %d, want %s", got, n, want)
		}
		done()
	}
}

func TestAcceptedSocket(t *testing.T) {
	n, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ours, _, err := n.Listen(ln, net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: time.Second, Count: 2})
	if err != nil {
		t.Fatal(err)
	}
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	conn, err := ours.Accept()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := conn.RemoteAddr().String(), peer.LocalAddr().String(); got != want {
		t.Errorf("client %s, want %s", got, want)
	}
	if got, want := conn.LocalAddr().String(), ln.Addr().String(); got != want {
		t.Errorf("accepted at %s, want %s", got, want)
	}
	_ = peer.Close()
	if _, err := io.ReadAll(conn); err != nil {
		t.Error(err)
	}
	_ = conn.Close()
	accepted := make(chan error, 1)
	go func() { _, err := ours.Accept(); accepted <- err }()
	if err := ours.Close(); err != nil {
		t.Error(err)
	}
	if err := <-accepted; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: %v", err)
	}
	if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
		t.Error("still listens")
	}
}

// does is a worker that does something.
type does func()

func (w does) Step() (Next, error) { w(); return End, nil }
func (w does) Work(error)          {}

// until waits for the state of a descriptor.
func until(t *testing.T, s *Socket, state int16) {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: state}}
	if n, err := unix.Poll(fds, 10_000); n != 1 {
		t.Fatal(n, err)
	}
}

// What happened to a socket is nothing to another one that has its descriptor when the event's task comes.
func TestEventOfAClosedSocket(t *testing.T) {
	first, firstPeer := sockets(t)
	p := first.task.poller
	second, secondPeer := socketsOf(t, p)
	old, oldPeer := socketsOf(t, p)
	last, lastPeer := socketsOf(t, p)
	model, _ := socketsOf(t, p)
	begun, heard := make(chan struct{}), make(chan string, 1)
	var goOn atomic.Bool
	heir := newSocket(old.fd, model.task, nil)
	first.Await(does(func() { // so that the others' events come in one wait
		close(begun)
		for !goOn.Load() {
			runtime.Gosched()
		}
	}))
	second.Await(does(func() {
		_ = old.Close()
		if err := unix.Dup3(model.fd, heir.fd, unix.O_CLOEXEC); err != nil {
			t.Error(err)
		}
		if !heir.Await(told{heard}) {
			t.Error("the heir cannot wait")
		}
	}))
	old.Await(does(func() { t.Error("a closed Socket goes on") }))
	last.Await(told{heard})
	_, _ = firstPeer.Write([]byte("a"))
	<-begun
	_, _ = secondPeer.Write([]byte("a"))
	until(t, second, unix.POLLIN)
	_ = oldPeer.Close()
	until(t, old, unix.POLLRDHUP)
	_, _ = lastPeer.Write([]byte("a"))
	until(t, last, unix.POLLIN)
	goOn.Store(true)
	<-heard
	if !pending(heir) || heir.atEnd.Load() {
		t.Error("the heir has heard of its predecessor's end")
	}
	_ = heir.Close()
}

// A closed socket has nothing to do with whoever has its descriptor now.
func TestClosedSocketIsNotUsed(t *testing.T) {
	s, _ := sockets(t)
	other, peer := socketsOf(t, s.task.poller)
	_ = s.Close()
	if err := unix.Dup3(other.fd, s.fd, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(s.fd) }()
	_, _ = peer.Write([]byte("a"))
	until(t, other, unix.POLLIN)
	if n, err := s.Read(make([]byte, 1)); err == nil {
		t.Errorf("%d bytes read", n)
	}
	if n, err := s.Write([]byte("a")); err == nil {
		t.Errorf("%d bytes written", n)
	}
}

// What cannot be polled is an error each time, not a wait without end.
func TestSocketWithoutEvents(t *testing.T) {
	s, _ := sockets(t)
	file, err := os.Open("/dev/zero")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	unpolled := newSocket(int(file.Fd()), s.task, nil)
	_ = unpolled.SetReadDeadline(time.Now().Add(time.Second))
	for range 2 {
		if err := unpolled.wait(&unpolled.input, eventsIn); !errors.Is(err, unix.EPERM) {
			t.Error(err)
		}
	}
	_ = unpolled.SetReadDeadline(time.Time{})
	s.task.poller.remove(unpolled)
}

// Both ends agree on their addresses, whatever family these are of.
func TestAddresses(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0", "[::]:0"} {
		t.Run(address, func(t *testing.T) {
			ln, err := net.Listen("tcp", address)
			if err != nil {
				t.Skip("no such addresses on this machine: ", err)
			}
			n, err := New()
			if err != nil {
				t.Fatal(err)
			}
			ours, _, err := n.Listen(ln, net.KeepAliveConfig{})
			if err != nil {
				t.Fatal(err)
			}
			conn, err := Dial(t.Context(), n.task(), "tcp", ours.Addr().String(), net.KeepAliveConfig{})
			if err != nil {
				t.Fatal(err)
			}
			accepted, err := ours.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if a, b := accepted.RemoteAddr().String(), conn.LocalAddr().String(); a != b {
				t.Errorf("accepted from %s, which is %s", a, b)
			}
			if a, b := port(conn.RemoteAddr()), port(ours.Addr()); a != b {
				t.Errorf("connected to port %d, listening on %d", a, b)
			}
			_, _, _ = conn.Close(), accepted.Close(), ours.Close()
			n.Close()
		})
	}
}

func port(a net.Addr) int { return a.(*net.TCPAddr).Port }
