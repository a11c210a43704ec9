package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mzproxy/proxy/netpoll"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"
)

const (
	// lastWriteTimeout bounds the last message to a client that does not read.
	lastWriteTimeout = time.Second
	// lingerTimeout bounds the wait for a client to read its last message.
	lingerTimeout = 500 * time.Millisecond
	// goodbyeTimeout bounds the wait for a server to close behind its client when it
	// has answered all. While it works, it may take its time.
	goodbyeTimeout = 10 * time.Second
)

// Session is one client from startup to close, with its own connection to the
// server. Its exported methods are safe for concurrent use.
type Session struct {
	server *Server
	cfg    *Config
	task   *netpoll.Task
	info   SessionInfo // without Startup
	hello  *hello      // nil once the session is relayed
	key    cancelKey

	conn     net.Conn // the client's
	upstream net.Conn
	client   *clientSide
	requests *requests
	replies  *replies
	flow     flow
	handler  Handler
	handling netpoll.Mutex // the handler's methods are called one at a time
	// watched and events belong to client.mu.
	watched bool
	events  []Event

	draining   atomic.Bool
	directions atomic.Int32 // that have not ended
	started    time.Time

	mu         sync.Mutex
	startup    parameters // of the StartupMessage
	parameters parameters // of the server
	calls      map[*call]struct{}
	patience   *time.Timer // ends a startup that takes too long; nil: it is over
	late       bool        // it took too long
	ended      error       // why the session ends; nil: it runs
	toldWhy    bool        // the client gets a last message
	relaying   bool        // the startup is over
	// parting is done when whoever ended the session has written the last
	// message: until then the client's connection must not be closed.
	parting sync.WaitGroup
	parted  bool
	leaving bool // the client is gone and the server has until a deadline to finish
}

func newSession(server *Server, conn net.Conn, t *netpoll.Task, id uint64) *Session {
	return &Session{
		server:  server,
		cfg:     &server.cfg,
		conn:    conn,
		task:    t,
		started: time.Now(),
		info:    SessionInfo{ID: id, ClientAddr: conn.RemoteAddr()},
	}
}

// log tells the log, with what is known of the session.
func (s *Session) log(level logrus.Level, fields logrus.Fields, message string) {
	if !logs(s.cfg.Logger, level) {
		return
	}
	known := logrus.Fields{"session": s.info.ID, "client": s.info.ClientAddr.String()}
	if s.info.User != "" {
		known["user"], known["database"] = s.info.User, s.info.Database
	}
	s.task.Blocking(func() { s.cfg.Logger.WithFields(known).WithFields(fields).Log(level, message) })
}

// limit bounds the time of the startup.
func (s *Session) limit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.patience = time.AfterFunc(s.cfg.StartupTimeout, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.patience != nil {
			s.late = true
			s.interrupt()
		}
	})
}

// unlimit ends the time of the startup, and reports whether that was over.
func (s *Session) unlimit() (late bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.patience != nil {
		s.patience.Stop()
		s.patience = nil
	}
	return s.late
}

// A call is a callback that waits for somebody.
type call struct {
	cancel  context.CancelCauseFunc
	patient bool // a CancelRequest is not meant for it
}

// Info returns what is known for the session's whole life. BackendPID is zero
// until the server has sent it, which it has when a Handler is opened.
func (s *Session) Info() SessionInfo {
	info := s.info
	info.Startup = s.startup.all()
	return info
}

// Parameter returns the latest value of a parameter that the server reported, "" if it never did.
func (s *Session) Parameter(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parameters.get(name)
}

// reported takes the parameters that the server reports at first.
func (s *Session) reported(text []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parameters = parametersFrom(text)
}

func (s *Session) setParameter(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parameters = s.parameters.with(name, value)
}

// call runs a callback, whose context ends with the client, with the
// session and, unless patient, with a CancelRequest.
func (s *Session) call(patient bool, callback func(context.Context)) {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	c := &call{cancel, patient}
	s.begin(c)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.calls, c)
	}()
	s.task.Blocking(func() { callback(ctx) })
}

// begin notes a call that is about to wait.
func (s *Session) begin(c *call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		c.cancel(s.ended)
		return
	}
	if s.calls == nil {
		s.calls = map[*call]struct{}{}
	}
	s.calls[c] = struct{}{}
	if s.requests.left.Load() { // cancelCalls was before us
		c.cancel(ErrClientGone)
	}
}

// mayBlock tells whether it could take long to open or close the handler.
func (s *Session) mayBlock() bool {
	_, never := s.cfg.Interceptor.(NonBlocking)
	return !never
}

// cancelCalls ends the waits of callbacks and reports whether there were any.
func (s *Session) cancelCalls(cause error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := false
	for c := range s.calls {
		if c.patient && errors.Is(cause, ErrCancelled) {
			continue
		}
		c.cancel(cause)
		found = true
	}
	return found
}

// busy reports whether ending the session now would break something off.
func (s *Session) busy() bool {
	s.mu.Lock()
	calls, relaying := len(s.calls), s.relaying
	s.mu.Unlock()
	if !relaying {
		return false
	}
	return calls > 0 || s.flow.outstanding() > 0 || s.flow.tx() != 'I'
}

// end stops both directions; the first cause counts. A client that can still be
// told gets e.
func (s *Session) end(cause error, e *Error) {
	s.mu.Lock()
	if s.ended != nil {
		s.mu.Unlock()
		return
	}
	s.ended = cause
	for c := range s.calls {
		c.cancel(cause)
	}
	if !s.relaying {
		s.interrupt()
		s.mu.Unlock()
		return
	}
	s.toldWhy = e != nil
	s.parting.Add(1)
	defer s.parting.Done()
	_ = s.upstream.SetDeadline(netpoll.Past)
	_ = s.conn.SetReadDeadline(netpoll.Past)
	var last []byte
	until := netpoll.Past
	if e != nil {
		last, until = appendMessage(nil, e.response()), time.Now().Add(lastWriteTimeout)
	}
	_ = s.conn.SetWriteDeadline(until)
	s.mu.Unlock()
	s.client.end(last)
	_ = s.conn.SetDeadline(netpoll.Past)
	s.mu.Lock()
	s.parted = true
	s.mu.Unlock()
}

// interrupt ends what a session that has not begun waits for; s.mu is held.
func (s *Session) interrupt() {
	_ = s.conn.SetDeadline(netpoll.Past)
	if s.upstream != nil {
		_ = s.upstream.SetDeadline(netpoll.Past)
	}
}

// readDeadline sets the client's read deadline unless the session is ending, or does not get to its beginning.
func (s *Session) readDeadline(t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil && !s.late {
		_ = s.conn.SetReadDeadline(t)
	}
}

// drain ends an idle session now, any other one at its next idle moment.
func (s *Session) drain() {
	s.draining.Store(true)
	if !s.busy() {
		s.shutDown()
	}
}

func (s *Session) shutDown() {
	s.end(ErrShutdown, fatal(CodeAdminShutdown, messageShutdown, nil))
}

// guard runs f and makes an error of its panic, which must not leave the session.
func (s *Session) guard(f func() error) (err error) {
	defer s.recovered(&err)
	return f()
}

// recovered is deferred where guard would be dear.
func (s *Session) recovered(err *error) {
	if p := recover(); p != nil {
		s.log(logrus.ErrorLevel, logrus.Fields{"stack": string(debug.Stack())}, fmt.Sprintf("panic in a session: %v", p))
		*err = fatal(CodeInternalError, messageInternal, fmt.Errorf("panic: %v", p))
	}
}

// clientEnded is the end of the client's direction.
func (s *Session) clientEnded(err error) {
	var e *Error
	switch {
	case errors.As(err, &e):
		s.end(err, e)
	case errors.Is(err, io.EOF), errors.Is(err, ErrClientGone):
		// The server gets the end of input, too, and may finish what it does.
		s.requests.left.Store(true)
		s.cancelCalls(ErrClientGone)
		s.closeWrite()
	case errors.Is(err, errServerGone):
		// What the server said before it went is still to be read.
		s.hurry()
	default:
		s.end(fmt.Errorf("%w: %w", ErrClientGone, err), nil)
	}
}

// closeWrite tells the server that the client has nothing more to say. One that has heard so, and has
// nothing to do, closes by itself.
func (s *Session) closeWrite() {
	if s.requests.terminated.Load() && s.flow.outstanding() == 0 {
		s.hurry()
		return
	}
	if c, ok := s.upstream.(interface{ CloseWrite() error }); !ok || c.CloseWrite() != nil {
		s.end(ErrClientGone, nil)
		return
	}
	if s.flow.waits() || s.requests.skip > 0 {
		s.hurry()
	}
}

// hurry gives the server's direction a moment to come to its end.
func (s *Session) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil && !s.leaving {
		s.leaving = true
		_ = s.upstream.SetReadDeadline(time.Now().Add(goodbyeTimeout))
	}
}

// serverEnded is the end of the server's direction.
func (s *Session) serverEnded(err error) {
	var e *Error
	switch {
	case errors.As(err, &e):
		s.end(err, e)
	case errors.Is(err, errSaidGoodbye):
		s.end(io.EOF, nil)
	case errors.Is(err, ErrClientGone):
		s.end(ErrClientGone, nil)
	default:
		s.end(fmt.Errorf("server: %w", err), fatal(CodeConnectionFailure, messageServerGone, err))
	}
}

// linger lets the client read the last message: closing a socket with unread
// input would throw it away.
func (s *Session) linger() {
	_ = s.conn.SetDeadline(time.Now().Add(lingerTimeout))
	c, ok := s.conn.(interface{ CloseWrite() error })
	if !ok || c.CloseWrite() != nil {
		return
	}
	s.task.Detach() // the client may send all the time
	_, _ = io.Copy(io.Discard, s.conn)
}
