package proxy

import (
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"time"

	"mzproxy/proxy/wire"
)

// errRefused is a server that did not let the client in and has said why.
var errRefused = errors.New("the server refused the session")

// A login is a session's way from the client's first byte to the server's first ReadyForQuery, and gone afterwards: connect, relay the
// authentication, open the handler.
type login struct {
	*Session
	first      *startup    // what the client wants; nil: not known yet
	replicates bool        // the server is asked for replication
	timer      *time.Timer // ends a login that takes too long; nil: it is over
	late       bool        // it took too long
}

func newLogin(s *Session) *login { return &login{Session: s} }

// limit bounds the time of the login.
func (l *login) limit() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = time.AfterFunc(l.cfg.StartupTimeout, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.timer != nil {
			l.late = true
			l.interrupt()
		}
	})
}

// stop ends the time of the login. The error says that it was over.
func (l *login) stop() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if l.late {
		return os.ErrDeadlineExceeded
	}
	return nil
}

// isLate reports whether the time of a login is over; mu is held. A nil login is one that has come to its end.
func (l *login) isLate() bool { return l != nil && l.late }

// onlyCancels reports whether the client has connected to cancel what runs in another session.
func (l *login) onlyCancels() bool { return l != nil && l.first != nil && l.first.cancel != nil }

// run does what the client's first packet asks for.
func (l *login) run(ctx context.Context) error {
	first, err := readStartup(l.conn, l.cfg, l.task)
	l.mu.Lock()
	l.conn, l.first = first.conn, first
	l.mu.Unlock()
	if err != nil {
		return err
	}
	if first.cancel != nil {
		return l.server.cancel(ctx, l.task, *first.cancel)
	}
	l.info.User, l.info.Database, l.startup = first.params["user"], first.params["database"], first.parameters()
	if l.info.Database == "" {
		l.info.Database = orDefault(l.cfg.Upstream.Database, l.info.User)
	}
	if e := l.server.enter(addressOf(l.info.ClientAddr)); e != nil {
		return e
	}
	l.client = newClientSide(l.conn, l.task)
	l.requests = newRequests(l.Session)
	l.requests.pump.push(first.rest)
	first.rest = nil
	return l.enterServer(ctx)
}

// enterServer connects to the server and logs in there, in the other way, too, where sslmode has two.
func (l *login) enterServer(ctx context.Context) error {
	startup := l.startupMessage()
	plainFirst := l.cfg.Upstream.SSLMode == "allow"
	err := l.connect(ctx, nil, startup, plainFirst)
	if err == nil {
		err = l.authenticate(ctx, l.via.hasAlternative(l.upstream))
	}
	if errors.Is(err, errOtherWay) {
		_, secured := l.upstream.(tlsConn)
		_ = l.upstream.Close()
		if err = l.connect(ctx, l.via, startup, secured); err == nil {
			err = l.authenticate(ctx, false)
		}
	}
	return err
}

// startupMessage is the client's StartupMessage, with what is added and changed.
func (l *login) startupMessage() []byte {
	params := l.first.params
	database := l.cfg.Upstream.Database != "" && params["database"] == ""
	rw, rewritten := l.cfg.Interceptor.(StartupRewriter)
	if !database && !rewritten {
		l.replicates = replicating(params["replication"])
		return l.first.packet
	}
	params = maps.Clone(params)
	if database {
		params["database"] = l.cfg.Upstream.Database
	}
	switch {
	case rewritten && l.mayBlock():
		l.task.Blocking(func() { params = rw.RewriteStartup(params) })
	case rewritten:
		params = rw.RewriteStartup(params)
	}
	l.replicates = replicating(params["replication"])
	return l.first.encode(params)
}

// connect dials the server, that at a host or any, and sends the StartupMessage.
func (l *login) connect(ctx context.Context, via *Upstream, startup []byte, plain bool) error {
	dialing, done := context.WithTimeout(ctx, l.cfg.DialTimeout)
	defer done()
	var conn net.Conn
	var err error
	began := time.Now()
	if via == nil {
		conn, via, err = l.cfg.Upstream.dial(dialing, l.task, &l.server.states, l.cfg.keepAlive(), plain)
	} else {
		conn, err = via.dialHost(dialing, l.task, l.cfg.keepAlive(), plain)
	}
	if l.cfg.Monitor != nil {
		l.cfg.Monitor.Connected(time.Since(began), err)
	}
	if err != nil {
		e := wire.Fatal(wire.CodeConnectionUnable, messageServerUnreachable, err)
		e.Detail = reasonUnreachable(err)
		return e
	}
	l.mu.Lock()
	l.upstream, l.via = conn, via
	over, late := l.at() == ending, l.late
	l.mu.Unlock()
	l.replies = newReplies(l.Session)
	switch {
	case over:
		return ErrShutdown
	case late:
		return os.ErrDeadlineExceeded
	}
	if _, err := conn.Write(startup); err != nil {
		return wire.Fatal(wire.CodeConnectionUnable, messageServerUnreachable, err)
	}
	return nil
}

// reasonUnreachable is what a client may know of a failed connection: not the
// address of the server.
func reasonUnreachable(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "The server did not answer in time."
	case errors.As(err, &op) && op.Op == "dial":
		return "The server does not accept connections."
	}
	return ""
}

// refuse tells a client that is not relayed why it cannot be, and returns the session's end.
func (l *login) refuse(err error) error {
	var e *Error
	if l.at() == ending {
		if !errors.As(l.ended(), &e) {
			e = wire.Fatal(wire.CodeAdminShutdown, messageShutdown, nil)
		}
	} else if !errors.As(err, &e) {
		if errors.Is(err, errRefused) {
			l.linger()
		}
		return err
	}
	_ = l.conn.SetDeadline(time.Now().Add(lastWriteTimeout))
	if writeError(l.conn, e) == nil {
		l.linger()
	}
	return err
}

// ended is why somebody has ended the session.
func (l *login) ended() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// writeError sends one message to a client that is not relayed yet, or no more.
func writeError(conn net.Conn, e *Error) error {
	_, err := conn.Write(wire.Append(nil, e))
	return err
}
