package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/proxy/netpoll"
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
	// states are those of the hosts of the upstream.
	states hostStates
	// network is made by Serve.
	network *netpoll.Network

	mu sync.Mutex
	// maxSessions and maxPerAddress are as in Config, and may change.
	maxSessions, maxPerAddress int
	lastID                     uint64
	clients                    map[*Session]struct{} // every connection, those that only cancel too
	connections                map[netip.Addr]int    // of clients, by address
	addresses                  map[netip.Addr]int    // sessions by client address
	sessions                   int
	waiting                    waiting
	closing                    bool
	running                    sync.WaitGroup
}

// NewServer checks the configuration and fills in defaults.
func NewServer(cfg Config) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Server{
		cfg: cfg, maxSessions: cfg.MaxSessions, maxPerAddress: cfg.MaxSessionsPerAddress,
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
// without bound: the oldest that has not logged in gives way, if it had the time to.
func (s *Server) admit(ctx context.Context, conn net.Conn) {
	address := addressOf(conn.RemoteAddr())
	s.mu.Lock()
	perAddress := s.maxPerAddress
	crowded := s.connections[address] >= perAddress+cancelConnectionsReserve && !s.waiting.yield(address) ||
		len(s.clients) >= s.maxSessions+cancelConnectionsReserve && !s.waiting.yield(netip.Addr{})
	if s.closing || crowded {
		s.mu.Unlock()
		_ = conn.Close()
		return
	}
	s.lastID++
	conn, task := s.network.Adopt(conn, s.cfg.keepAlive())
	session := newSession(s, conn, task, s.lastID)
	s.clients[session] = struct{}{}
	s.connections[address]++
	s.waiting.add(session)
	s.running.Add(1)
	s.mu.Unlock()
	session.login.limit()
	s.network.Receive(conn, func() func() { return session.serve(ctx) })
}

// forget counts a connection out that is over.
func (s *Server) forget(session *Session) {
	s.mu.Lock()
	delete(s.clients, session)
	s.waiting.remove(session)
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

// arrived notes that a session has logged in.
func (s *Server) arrived(session *Session) {
	s.mu.Lock()
	s.waiting.remove(session)
	s.mu.Unlock()
}

// enter counts a session in, leave counts it out.
func (s *Server) enter(address netip.Addr) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	perAddress := s.maxPerAddress
	if s.sessions >= s.maxSessions && !s.waiting.yield(netip.Addr{}) || s.addresses[address] >= perAddress && !s.waiting.yield(address) {
		return tooMany()
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

// Limit changes how many sessions there may be, and of one client address (0: a quarter). Those that run stay.
func (s *Server) Limit(sessions, ofOneAddress int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxSessions = orDefault(sessions, DefaultMaxSessions)
	s.maxPerAddress = perAddress(s.maxSessions, ofOneAddress)
}

// Clients are the sessions that are relayed at present, in the order in which they came.
func (s *Server) Clients() []SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []SessionInfo
	for session := range s.clients {
		if at := session.at(); at != atLogin && at < ending {
			list = append(list, session.info)
		}
	}
	slices.SortFunc(list, func(a, b SessionInfo) int { return cmp.Compare(a.ID, b.ID) })
	return list
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
	timer := time.AfterFunc(s.cfg.DrainTimeout, func() { s.each((*Session).shutDown) })
	defer timer.Stop()
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

// addressOf is the host of an address; all clients of a Unix socket are one.
func addressOf(addr net.Addr) netip.Addr {
	if tcp, ok := addr.(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
