//go:build !portable

package proxy

import (
	"net"
	"runtime"
	"testing"
	"time"

	"mzproxy/proxy/netpoll"
)

// patientConn is a client's that nothing but its end ends.
type patientConn struct{ *netpoll.Socket }

func (patientConn) SetDeadline(time.Time) error { return nil }

// A client that sends on and on when it has been told to go has nobody else wait.
func TestLeaderDoesNotLinger(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(2)) // one poller
	n, listener := listening(t)
	flood, talker := pair(t, listener), pair(t, listener)
	over := make(chan struct{})
	n.Receive(flood.ours, func() func() {
		s := netpoll.SocketOf(flood.ours)
		conn, task := n.Adopt(s, net.KeepAliveConfig{})
		_, _ = conn.Read(make([]byte, 1))
		(&exchange{conn: patientConn{s}, task: task}).linger()
		return func() { close(over) }
	})
	go func() {
		for {
			if _, err := flood.peer.Write(make([]byte, 1<<16)); err != nil {
				return
			}
		}
	}()
	for range 100 { // some of them while the other one lingers
		heard := make(chan struct{})
		n.Receive(talker.ours, func() func() {
			_, _ = talker.ours.Read(make([]byte, 1))
			return func() { close(heard) }
		})
		_, _ = talker.peer.Write([]byte("a"))
		<-heard
	}
	_ = flood.peer.CloseWrite()
	<-over
}

// listening returns a network with a listener of sockets, until the test ends.
func listening(t *testing.T) (*netpoll.Network, net.Listener) {
	t.Helper()
	n, err := netpoll.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener, _, err := n.Listen(ln, net.KeepAliveConfig{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return n, listener
}

// ends are the two of a connection.
type ends struct {
	ours net.Conn
	peer *net.TCPConn
}

// pair connects to a listener.
func pair(t *testing.T, ln net.Listener) ends {
	t.Helper()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = peer.Close(), ours.Close() })
	return ends{ours, peer.(*net.TCPConn)}
}
