package proxy

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/proxy/netpoll"
	"mzproxy/proxy/wire"
)

const (
	// lastWriteTimeout bounds the last message to a client that does not read.
	lastWriteTimeout = time.Second
	// lingerTimeout bounds the wait for a client to read its last message.
	lingerTimeout = 500 * time.Millisecond
	// goodbyeTimeout bounds the wait for a server to close after its client when it
	// has answered all. While it works, it may take its time.
	goodbyeTimeout = 10 * time.Second
)

// A stage is how far a session is on its way from its first byte to its end.
type stage int32

const (
	atLogin    stage = iota // until the server's first ReadyForQuery
	relayed                 // both directions run
	clientLeft              // the client says no more; the server may finish what it was sent
	dismissed               // ... and has nothing more to do: it has goodbyeTimeout to close
	serverDeaf              // the server takes no more: it has goodbyeTimeout to say why
	ending                  // why is known, and nothing more is relayed; the client is being told
	ended                   // all has been said: the connections may be closed
)

// following are the stages that may come after each.
var following = [...][]stage{
	atLogin:    {relayed, ending},
	relayed:    {clientLeft, serverDeaf, ending},
	clientLeft: {dismissed, ending},
	dismissed:  {ending},
	serverDeaf: {ending},
	ending:     {ended},
	ended:      {},
}

// at is the session's stage.
func (s *Session) at() stage { return stage(s.stage.Load()) }

// enter brings the session to a stage, if that may follow the present one; s.mu is held.
func (s *Session) enter(to stage) bool {
	if !slices.Contains(following[s.at()], to) {
		return false
	}
	s.stage.Store(int32(to))
	return true
}

// A departure is what the end of a direction means for the session.
type departure struct {
	to    stage
	cause error  // of ending
	last  *Error // what the client is told then; nil: nothing
}

// departureOfClient is that of the client's direction.
func departureOfClient(err error) departure {
	var e *Error
	switch {
	case errors.As(err, &e):
		return departure{ending, err, e}
	case errors.Is(err, io.EOF), errors.Is(err, ErrClientGone):
		return departure{to: clientLeft}
	case errors.Is(err, errServerGone):
		return departure{to: serverDeaf}
	}
	return departure{ending, fmt.Errorf("%w: %w", ErrClientGone, err), nil}
}

// departureOfServer is that of the server's.
func departureOfServer(err error) departure {
	var e *Error
	switch {
	case errors.As(err, &e):
		return departure{ending, err, e}
	case errors.Is(err, errSaidGoodbye):
		return departure{ending, io.EOF, nil}
	case errors.Is(err, ErrClientGone):
		return departure{ending, ErrClientGone, nil}
	}
	return departure{ending, fmt.Errorf("server: %w", err), wire.Fatal(wire.CodeConnectionFailure, messageServerGone, err)}
}

// depart does what a departure means. unfinished: the server has half a message of the client's.
func (s *Session) depart(d departure, unfinished bool) {
	switch d.to {
	case clientLeft:
		s.mu.Lock()
		s.enter(clientLeft)
		s.mu.Unlock()
		s.calls.end(ErrClientGone)
		s.tellServer(unfinished)
	case serverDeaf:
		s.awaitServer(serverDeaf)
	default:
		s.end(d.cause, d.last)
	}
}

// tellServer tells the server that the client has nothing more to say: it gets the end of input, too, and may
// finish what it does. One that has heard so, and has nothing to do, closes by itself.
func (s *Session) tellServer(unfinished bool) {
	if s.terminated.Load() && s.counter.outstanding() == 0 {
		s.awaitServer(dismissed)
		return
	}
	if c, ok := s.upstream.(interface{ CloseWrite() error }); !ok || c.CloseWrite() != nil {
		s.end(ErrClientGone, nil)
		return
	}
	if s.counter.waits() || unfinished {
		s.awaitServer(dismissed)
	}
}

// awaitServer gives the server's direction a moment to come to its end.
func (s *Session) awaitServer(to stage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.enter(to) {
		_ = s.upstream.SetReadDeadline(time.Now().Add(goodbyeTimeout))
	}
}

// end ends the session; the first cause counts. A client that is relayed, and can still be
// told, gets e.
func (s *Session) end(cause error, e *Error) {
	s.mu.Lock()
	early := s.at() == atLogin
	if !s.enter(ending) {
		s.mu.Unlock()
		return
	}
	s.cause = cause
	s.calls.end(cause)
	if early { // the login tells
		s.interrupt()
		s.mu.Unlock()
		return
	}
	s.told, s.parted = e != nil, make(chan struct{})
	_ = s.upstream.SetDeadline(netpoll.Past)
	_ = s.conn.SetReadDeadline(netpoll.Past)
	var last []byte
	until := netpoll.Past
	if e != nil {
		last, until = wire.Append(nil, e), time.Now().Add(lastWriteTimeout)
	}
	_ = s.conn.SetWriteDeadline(until)
	s.mu.Unlock()
	s.client.end(last)
	_ = s.conn.SetDeadline(netpoll.Past)
	s.mu.Lock()
	s.enter(ended)
	close(s.parted)
	s.mu.Unlock()
}

// interrupt ends what a login waits for; s.mu is held.
func (s *Session) interrupt() {
	_ = s.conn.SetDeadline(netpoll.Past)
	if s.upstream != nil {
		_ = s.upstream.SetDeadline(netpoll.Past)
	}
}

// drain ends an idle session now, any other one at its next idle moment. One that has only just come may have a statement.
func (s *Session) drain() {
	s.draining.Store(true)
	if left := s.cfg.Youth - time.Since(s.started); left > 0 {
		time.AfterFunc(left, s.drainIdle)
		return
	}
	s.drainIdle()
}

// drainIdle ends a session that does nothing.
func (s *Session) drainIdle() {
	if s.at() == atLogin || !s.busy() {
		s.shutDown()
	}
}

// shutDown ends the session whatever it does.
func (s *Session) shutDown() {
	s.end(ErrShutdown, wire.Fatal(wire.CodeAdminShutdown, messageShutdown, nil))
}

// over is the end of a relayed session whose directions have ended.
func (s *Session) over() {
	s.mu.Lock()
	told, cause, parted := s.told, s.cause, s.parted
	s.mu.Unlock()
	s.task.Wait(parted) // whoever ended it may still be writing
	if told {
		s.linger()
	}
	s.close(cause)
}

// close closes what the session holds, and tells the log why it ended. It is called once, by the last
// goroutine that has to do with it.
func (s *Session) close(cause error) {
	if s.client != nil {
		_ = s.guard(func() error { s.release(); return nil })
	}
	if s.upstream != nil {
		_ = s.upstream.Close()
	}
	_ = s.conn.Close()
	s.monitorEnd(cause)
	s.report(cause)
	s.server.forget(s)
}

// release gives up what the session has taken but its connections.
func (s *Session) release() {
	s.server.leave(addressOf(s.info.ClientAddr))
	s.server.keys.remove(s.key, s)
	switch {
	case s.handler == nil:
	case s.mayBlock():
		s.task.Blocking(s.closeHandler)
	default:
		s.closeHandler()
	}
}

func (s *Session) closeHandler() {
	s.handling.Lock(s.task)
	defer s.handling.Unlock()
	s.handler.Close()
}

// report tells the log how the connection ended. An end that is nothing to wonder at is for those who look closely.
func (s *Session) report(err error) {
	level := logrus.InfoLevel
	if s.login.onlyCancels() || s.info.User == "" && quietEnd(err) || s.terminated.Load() { // whoever has no name only looked whether we are here
		level = logrus.DebugLevel
	}
	fields := logrus.Fields{"duration": time.Since(s.started).Round(time.Millisecond), "end": err}
	var e *Error
	if errors.As(err, &e) && e.Err != nil {
		fields["cause"] = e.Err
	}
	s.log(level, fields, "session ended")
}
