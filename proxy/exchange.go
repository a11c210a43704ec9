package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/proxy/netpoll"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite/pgtext"
)

// An exchange is what a session's two directions share.
type exchange struct {
	session  *Session
	task     *netpoll.Task
	conn     net.Conn // the client's
	upstream net.Conn // the server's
	client   *clientSide
	counter  requestCounter
	handler  Handler
	handling netpoll.Mutex // the handler's methods are called one at a time
	calls    calls
	// watched and events belong to client.mu.
	watched bool
	events  []Event

	terminated atomic.Bool // the client has sent Terminate
	draining   atomic.Bool // the session ends at its next idle moment
}

// clientLeft reports whether the client has closed its side of the connection.
func (x *exchange) clientLeft() bool {
	at := x.session.at()
	return at == clientLeft || at == dismissed
}

// call runs a callback, whose context ends with the client, with the
// session and, unless patient, with a CancelRequest.
func (x *exchange) call(patient bool, f func(context.Context)) {
	ctx, done := x.calls.begin(patient)
	defer done()
	x.task.Blocking(func() { f(ctx) })
}

// refusal is what the client sees of a callback's error.
func (x *exchange) refusal(ctx context.Context, err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(context.Cause(ctx), ErrCancelled):
		return &Error{Code: wire.CodeQueryCanceled, Message: pgtext.MessageCancelled}
	case errors.Is(context.Cause(ctx), ErrShutdown), errors.Is(context.Cause(ctx), context.Canceled): // as Serve's context is
		return &Error{Code: wire.CodeAdminShutdown, Message: messageShutdown}
	case errors.Is(context.Cause(ctx), ErrClientGone):
		return &Error{Code: wire.CodeConnectionFailure, Message: "the client went away"}
	}
	x.log(logrus.ErrorLevel, logrus.Fields{logrus.ErrorKey: err}, "internal error in a session")
	return &Error{Code: wire.CodeInternalError, Message: messageInternal, Err: err}
}

// log tells the log, with what is known of the session.
func (x *exchange) log(level logrus.Level, fields logrus.Fields, message string) {
	s := x.session
	if !logs(s.cfg.Logger, level) {
		return
	}
	known := logrus.Fields{"session": s.info.ID, "client": s.info.ClientAddr.String()}
	if s.info.User != "" {
		known["user"], known["database"] = s.info.User, s.info.Database
	}
	x.task.Blocking(func() { s.cfg.Logger.WithFields(known).WithFields(fields).Log(level, message) })
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

// guard runs f and makes an error of its panic, which must not leave the session.
func (x *exchange) guard(f func() error) (err error) {
	defer x.recovered(&err)
	return f()
}

// recovered is deferred where guard would be dear.
func (x *exchange) recovered(err *error) {
	if p := recover(); p != nil {
		x.log(logrus.ErrorLevel, logrus.Fields{"stack": string(debug.Stack())}, fmt.Sprintf("panic in a session: %v", p))
		*err = wire.Fatal(wire.CodeInternalError, messageInternal, fmt.Errorf("panic: %v", p))
	}
}

// busy reports whether ending the session now would break something off.
func (x *exchange) busy() bool {
	return x.calls.any() || x.counter.outstanding() > 0 || x.counter.tx() != 'I'
}

// readDeadline sets the client's read deadline unless the session is ending, or does not get to its beginning.
func (x *exchange) readDeadline(t time.Time) {
	s := x.session
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at() < ending && !s.login.isLate() {
		_ = x.conn.SetReadDeadline(t)
	}
}

// linger lets the client read the last message: closing a socket with unread
// input would throw it away.
func (x *exchange) linger() {
	_ = x.conn.SetDeadline(time.Now().Add(lingerTimeout))
	c, ok := x.conn.(interface{ CloseWrite() error })
	if !ok || c.CloseWrite() != nil {
		return
	}
	x.task.Detach() // the client may send all the time
	_, _ = io.Copy(io.Discard, x.conn)
}
