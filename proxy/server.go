package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mzproxy/proxy/netpoll"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// Waits between two attempts to accept, when the system has no descriptors left.
const (
	minAcceptWait = 5 * time.Millisecond
	maxAcceptWait = time.Second
)

// Server accepts clients and relays each to the server behind it. Make one with
// NewServer; it serves once.
type Server struct {
	cfg  Config
	keys cancelKeys
	// network is made by Serve.
	network *netpoll.Network

	mu          sync.Mutex
	lastID      uint64
	clients     map[*Session]struct{} // every connection, those that only cancel too
	connections map[netip.Addr]int    // of clients, by address
	addresses   map[netip.Addr]int    // sessions by client address
	sessions    int
	closing     bool
	running     sync.WaitGroup
}

// NewServer checks the configuration and fills in defaults.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Server{
		cfg:         cfg.withDefaults(),
		clients:     map[*Session]struct{}{},
		connections: map[netip.Addr]int{},
		addresses:   map[netip.Addr]int{},
	}, nil
}

// silentLogger is the logger of a Config without one.
func silentLogger() logrus.FieldLogger {
	l := logrus.New()
	l.SetOutput(io.Discard)
	return l
}

// Serve accepts on ln until ctx ends, then drains and returns when the last
// session has ended. It closes ln. The error is nil after a shutdown.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	network, err := netpoll.New()
	if err != nil {
		_ = ln.Close()
		return fmt.Errorf("serve: %w", err)
	}
	defer network.Close()
	s.mu.Lock()
	s.network = network
	s.mu.Unlock()
	ln, task, err := network.Listen(ln, s.cfg.keepAlive())
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	over := make(chan error, 1)
	network.Run(task, func() { over <- s.acceptAll(ctx, ln, task) })
	err = <-over
	s.drain()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// acceptAll accepts until the listener is closed. Other errors pass: a lack of
// descriptors ends when sessions do.
func (s *Server) acceptAll(ctx context.Context, ln net.Listener, t *netpoll.Task) error {
	defer func() { _ = ln.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer stop()
	wait := minAcceptWait
	for {
		conn, err := ln.Accept()
		if err == nil {
			wait = minAcceptWait
			s.admit(ctx, conn)
			continue
		}
		if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept: %w", err)
		}
		t.Blocking(func() {
			s.cfg.Logger.WithError(err).Warnf("cannot accept a connection, trying again in %s", wait)
			select {
			case <-time.After(wait):
			case <-ctx.Done():
			}
		})
		wait = min(2*wait, maxAcceptWait)
	}
}

// admit starts the session of a connection. Connections beyond the limit are
// let in as far as their first packet, because they may want to cancel, but not
// without bound.
func (s *Server) admit(ctx context.Context, conn net.Conn) {
	address := addressOf(conn.RemoteAddr())
	perAddress := s.cfg.MaxSessionsPerAddress
	s.mu.Lock()
	if s.closing || len(s.clients) >= s.cfg.MaxSessions+cancelConnectionsReserve ||
		perAddress > 0 && s.connections[address] >= perAddress+cancelConnectionsReserve {
		s.mu.Unlock()
		_ = conn.Close()
		return
	}
	s.lastID++
	conn, task := s.network.Adopt(conn, s.cfg.keepAlive())
	session := newSession(s, conn, task, s.lastID)
	s.clients[session] = struct{}{}
	s.connections[address]++
	s.running.Add(1)
	s.mu.Unlock()
	session.limit()
	s.network.Receive(conn, func() func() { return session.serve(ctx) })
}

// forget counts a connection out that is over.
func (s *Server) forget(session *Session) {
	s.mu.Lock()
	delete(s.clients, session)
	countDown(s.connections, addressOf(session.info.ClientAddr))
	s.mu.Unlock()
	s.running.Done()
}

// countDown takes one off a count, and forgets it at zero.
func countDown(counts map[netip.Addr]int, key netip.Addr) {
	if counts[key]--; counts[key] == 0 {
		delete(counts, key)
	}
}

// enter counts a session in, leave counts it out.
func (s *Server) enter(address netip.Addr) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	perAddress := s.cfg.MaxSessionsPerAddress
	if s.sessions >= s.cfg.MaxSessions || perAddress > 0 && s.addresses[address] >= perAddress {
		return fatal(CodeTooManyConnections, "sorry, too many clients already", nil)
	}
	s.sessions++
	s.addresses[address]++
	return nil
}

func (s *Server) leave(address netip.Addr) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions--
	countDown(s.addresses, address)
}

// Sessions is the number of clients that are served at present.
func (s *Server) Sessions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// drain ends the sessions: idle ones now, the others when they become idle or
// when DrainTimeout is over. It returns when all have ended.
func (s *Server) drain() {
	s.mu.Lock()
	s.closing = true
	s.mu.Unlock()
	s.each((*Session).drain)
	hurry := time.AfterFunc(s.cfg.DrainTimeout, func() { s.each((*Session).shutDown) })
	defer hurry.Stop()
	s.running.Wait()
}

// each calls f for every session, for all at once: one whose client does not
// read takes a moment.
func (s *Server) each(f func(*Session)) {
	s.mu.Lock()
	all := make([]*Session, 0, len(s.clients))
	for session := range s.clients {
		all = append(all, session)
	}
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, session := range all {
		wg.Go(func() { f(session) })
	}
	wg.Wait()
}

// serve does what the client's first packet asks for. What it returns runs the connection to its end, or to where
// the two directions take over.
func (s *Session) serve(ctx context.Context) (then func()) {
	err := s.guard(func() error { return s.begun(ctx) })
	late := s.unlimit()
	return func() {
		switch {
		case s.hello != nil && s.hello.cancel != nil:
			s.over(err)
			return
		case err == nil && late:
			err = os.ErrDeadlineExceeded
		case err == nil:
			err = s.relayFromNow()
		}
		if err != nil {
			s.over(s.turnAway(err))
			return
		}
		s.relay()
	}
}

// relayFromNow ends what belongs to the login. Others may write to the client from now on.
func (s *Session) relayFromNow() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.relaying, s.hello = true, nil
	return s.ended
}

// over closes a session that ended with err, and tells the log.
func (s *Session) over(err error) {
	s.close()
	s.report(err)
	s.server.forget(s)
}

// report tells the log how the connection ended. An end that is nothing to wonder at is for those who look closely.
func (s *Session) report(err error) {
	level := logrus.InfoLevel
	switch {
	case s.hello != nil && s.hello.cancel != nil, s.info.User == "" && quietEnd(err): // whoever it was only looked whether we are here
		level = logrus.DebugLevel
	case s.requests != nil && s.requests.terminated.Load():
		level = logrus.DebugLevel
	}
	fields := logrus.Fields{"duration": time.Since(s.started).Round(time.Millisecond), "end": err}
	var e *Error
	if errors.As(err, &e) && e.Err != nil {
		fields["cause"] = e.Err
	}
	s.log(level, fields, "session ended")
}

// logs tells whether a logger would write at a level, so that nobody need make the line otherwise.
func logs(l logrus.FieldLogger, level logrus.Level) bool {
	switch l := l.(type) {
	case *logrus.Logger:
		return l.IsLevelEnabled(level)
	case *logrus.Entry:
		return l.Logger.IsLevelEnabled(level)
	}
	return true
}

// close closes what the session holds. It is called once, by the last
// goroutine that has to do with it.
func (s *Session) close() {
	if s.client != nil {
		_ = s.guard(s.finish)
	}
	if s.upstream != nil {
		_ = s.upstream.Close()
	}
	_ = s.conn.Close()
}

// begun does what the client's first packet asks for.
func (s *Session) begun(ctx context.Context) error {
	h, err := readHello(s.conn, s.cfg, s.task)
	s.mu.Lock()
	s.conn, s.hello = h.conn, h
	s.mu.Unlock()
	if err != nil {
		return err
	}
	if h.cancel != nil {
		return s.server.cancel(ctx, s.task, *h.cancel)
	}
	s.info.User, s.info.Database, s.startup = h.params["user"], h.params["database"], h.parameters()
	if s.info.Database == "" {
		s.info.Database = orDefault(s.cfg.Upstream.Database, s.info.User)
	}
	if e := s.server.enter(addressOf(s.info.ClientAddr)); e != nil {
		return e
	}
	s.client = newClientSide(s.conn, s.task)
	s.requests = newRequests(s)
	s.requests.pump.push(h.rest)
	h.rest = nil
	return s.login(ctx)
}

// turnAway tells a client that is not relayed why it cannot be.
func (s *Session) turnAway(err error) error {
	s.mu.Lock()
	shut := s.ended
	s.mu.Unlock()
	var e *Error
	if shut != nil {
		e = fatal(CodeAdminShutdown, messageShutdown, nil)
	} else if !errors.As(err, &e) {
		if errors.Is(err, errRefused) {
			s.linger()
		}
		return err
	}
	_ = s.conn.SetDeadline(time.Now().Add(lastWriteTimeout))
	if writeError(s.conn, e) == nil {
		s.linger()
	}
	return err
}

// finish closes what the session holds but its connections.
func (s *Session) finish() error {
	s.server.leave(addressOf(s.info.ClientAddr))
	s.server.keys.remove(s.key, s)
	switch {
	case s.handler == nil:
	case s.mayBlock():
		s.task.Blocking(s.closeHandler)
	default:
		s.closeHandler()
	}
	return nil
}

func (s *Session) closeHandler() {
	s.handling.Lock(s.task)
	defer s.handling.Unlock()
	s.handler.Close()
}

// addressOf is the host of an address; all clients of a Unix socket are one.
func addressOf(addr net.Addr) netip.Addr {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
