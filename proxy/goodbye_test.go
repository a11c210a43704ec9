package proxy

import (
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"mzproxy/proxy/pgtest"
	"mzproxy/proxy/wire"
)

// leavingConn is a client that says what is written to the pipe and then closes
// its half of the connection. What it is told is forgotten.
type leavingConn struct {
	net.Conn
	*io.PipeReader
}

func (c leavingConn) Read(p []byte) (int, error)  { return c.PipeReader.Read(p) }
func (c leavingConn) Write(p []byte) (int, error) { return len(p), nil }
func (c leavingConn) Close() error                { return errors.Join(c.Conn.Close(), c.PipeReader.Close()) }

// deafConn is a server that never learns of the end of its input.
type deafConn struct{ net.Conn }

func (deafConn) CloseWrite() error { return nil }

// goingOn starts a session and returns its client and its server.
func goingOn(t *testing.T) (s *Session, client io.WriteCloser, server net.Conn) {
	t.Helper()
	proxy, err := NewServer(Config{Upstream: Upstream{Network: "tcp", Address: "nowhere:1"}})
	if err != nil {
		t.Fatal(err)
	}
	reader, client := io.Pipe()
	nowhere, _ := net.Pipe()
	upstream, server := net.Pipe()
	s = newSession(proxy, leavingConn{nowhere, reader}, nil, 1)
	s.upstream = deafConn{upstream}
	s.stage.Store(int32(relayed))
	s.login = nil
	s.client = newClientSide(s.conn, nil)
	s.requests = newRequests(s)
	s.replies = newReplies(s)
	s.counter.begin('I')
	proxy.running.Add(1)
	go s.relay()
	return s, client, server
}

// A server that does not close after a client that has left is closed when it
// has had its time; one that works for the client may take an hour.
func TestServerThatStays(t *testing.T) {
	query := pgtest.Message{Type: 'Q', Body: []byte("SELECT 1\x00")}.Append(nil)
	ready := pgtest.Message{Type: 'Z', Body: []byte("I")}.Append(nil)
	copyIn := pgtest.Message{Type: 'G', Body: []byte{0, 0, 0}}.Append(nil)
	for name, c := range map[string]struct {
		sent   []byte        // of the client, before it leaves
		early  []byte        // the server's answer before that
		works  time.Duration // after that
		answer []byte
	}{
		"idle":                {},
		"goodbye said":        {sent: pgtest.Message{Type: 'X'}.Append(nil)},
		"at work":             {sent: query, works: time.Hour, answer: ready},
		"in COPY":             {sent: query, early: copyIn},
		"in COPY, much later": {sent: query, works: time.Hour, answer: copyIn},
		"inside a message":    {sent: []byte("d\x00\x00\xff\xffx")},
		"inside a Query":      {sent: query[:len(query)-1]},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, client, server := goingOn(t)
				go func() { _, _ = io.Copy(io.Discard, server) }()
				_, _ = client.Write(c.sent)
				_, _ = server.Write(c.early)
				_ = client.Close()
				time.Sleep(c.works)
				synctest.Wait()
				if n := s.directions.Load(); n != 1 {
					t.Fatalf("%d directions while the server works", n)
				}
				_, _ = server.Write(c.answer)
				left := time.Now()
				s.server.running.Wait()
				if took := time.Since(left); took > goodbyeTimeout {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// A session goes forward only, and ends once, whatever comes first.
func TestStages(t *testing.T) {
	for from, allowed := range following {
		for _, to := range allowed {
			if int(to) <= from {
				t.Errorf("stage %d may follow %d", to, from)
			}
		}
	}
	s := &Session{}
	for _, c := range []struct {
		to   stage
		want bool
	}{
		{clientLeft, false}, {relayed, true}, {relayed, false}, {dismissed, false}, {clientLeft, true}, {serverDeaf, false},
		{dismissed, true}, {clientLeft, false}, {ending, true}, {ending, false}, {ended, true}, {ending, false},
	} {
		if got := s.enter(c.to); got != c.want {
			t.Errorf("to %d: %t, want %t", c.to, got, c.want)
		}
	}
}

// What the end of a direction means, and what the client is told.
func TestDepartures(t *testing.T) {
	refused := &Error{Code: "08P01"}
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		got   departure
		to    stage
		cause error
		code  string // of what the client is told
	}{
		"the client closes":           {departureOfClient(io.EOF), clientLeft, nil, ""},
		"the client is gone":          {departureOfClient(ErrClientGone), clientLeft, nil, ""},
		"the client's reading fails":  {departureOfClient(broken), ending, ErrClientGone, ""},
		"the client breaks the rules": {departureOfClient(refused), ending, refused, "08P01"},
		"the server takes no more":    {departureOfClient(errServerGone), serverDeaf, nil, ""},
		"the server closes":           {departureOfServer(io.EOF), ending, io.EOF, wire.CodeConnectionFailure},
		"the server has said why":     {departureOfServer(errSaidGoodbye), ending, io.EOF, ""},
		"the server is shut down":     {departureOfServer(refused), ending, refused, "08P01"},
		"nobody to write to":          {departureOfServer(ErrClientGone), ending, ErrClientGone, ""},
	} {
		code := ""
		if c.got.last != nil {
			code = c.got.last.Code
		}
		if c.got.to != c.to || !errors.Is(c.got.cause, c.cause) || code != c.code {
			t.Errorf("%s: %+v", name, c.got)
		}
	}
}
