package proxy

import (
	"container/list"
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"mzproxy/proxy/netpoll"
	"mzproxy/proxy/wire"
)

// Session is one client from startup to close, with its own connection to the
// server. Its exported methods are safe for concurrent use.
type Session struct {
	exchange
	server   *Server
	cfg      *Config
	info     SessionInfo // without Startup
	key      cancelKey
	via      *Upstream // the host that it is connected to
	started  time.Time
	waits    *list.Element // among those that have not logged in; nil: it has, or has given way
	requests *requests
	replies  *replies

	stage      atomic.Int32 // see stage; changed by enter only
	directions atomic.Int32 // that have not ended

	mu         sync.Mutex      // also for conn and upstream, up to the first ReadyForQuery
	login      *login          // nil once the session is relayed
	startup    wire.Parameters // of the StartupMessage
	parameters wire.Parameters // of the server
	cause      error           // why it ends
	told       bool            // the client gets a last message
	parted     chan struct{}   // closed when whoever ended the session has written that: until then the client's connection must not be closed
}

func newSession(server *Server, conn net.Conn, t *netpoll.Task, id uint64) *Session {
	s := &Session{
		server:  server,
		cfg:     &server.cfg,
		started: time.Now(),
		info:    SessionInfo{ID: id, ClientAddr: conn.RemoteAddr()},
	}
	s.session, s.task, s.conn = s, t, conn
	s.login = newLogin(s)
	return s
}

// Info returns what is known for the session's whole life. BackendPID is zero
// until the server has sent it, which it has when a Handler is opened.
func (s *Session) Info() SessionInfo {
	info := s.info
	info.Startup = s.startup.All()
	return info
}

// Parameter returns the latest value of a parameter that the server reported, "" if it never did.
func (s *Session) Parameter(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.parameters.Get(name)
}

func (s *Session) setParameter(name, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.parameters = s.parameters.With(name, value)
}

// mayBlock tells whether it could take long to open or close the handler.
func (s *Session) mayBlock() bool {
	_, never := s.cfg.Interceptor.(NonBlocking)
	return !never
}

// serve does what the client's first packet asks for. What it returns runs the connection to its end, or to where
// the two directions take over.
func (s *Session) serve(ctx context.Context) (then func()) {
	l := s.login
	err := s.guard(func() error { return l.run(ctx) })
	late := l.stop()
	return func() {
		switch {
		case l.onlyCancels():
			s.close(err)
			return
		case err == nil:
			err = s.relayFromNow(late)
		}
		if err != nil {
			s.close(l.refuse(err))
			return
		}
		s.relay()
	}
}

// relayFromNow ends what belongs to the login. Others may write to the client from now on.
func (s *Session) relayFromNow(late error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if late != nil {
		return late
	}
	if !s.enter(relayed) {
		return s.cause
	}
	s.login = nil
	if s.cfg.Monitor != nil {
		s.cfg.Monitor.SessionBegan()
	}
	s.server.arrived(s)
	return nil
}

// relay starts both directions. The last one to end closes the session.
func (s *Session) relay() {
	s.directions.Store(2)
	if !s.requests.pump.awaits(s.requests) {
		go s.requests.Work(nil)
	}
	if !s.replies.pump.awaits(s.replies) {
		s.task.Blocking(func() { s.replies.Work(nil) })
	}
}

// work runs a direction after a step that ended with err, until it waits in the
// poller again or ends. It is the whole of the direction's goroutine; an end that comes at once is the leader's.
func (s *Session) work(d direction, err error) {
	if takesLong(err) {
		err = s.guard(d.run)
		for err == nil {
			if d.source().socket.Await(d) {
				return
			}
			err = s.guard(d.run)
		}
	}
	d.ended(err)
	if s.directions.Add(-1) == 0 {
		s.over()
	}
}
