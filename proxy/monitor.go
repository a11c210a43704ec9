package proxy

import (
	"errors"
	"time"
)

// Monitor hears of sessions, for metrics. Its methods must not block, and are called from many goroutines.
type Monitor interface {
	// SessionBegan is called when the server has let a client in.
	SessionBegan()
	// SessionEnded is called when a session is over that an error has ended, with its SQLSTATE ("" where the server gave it at the
	// login). begun tells whether the client had been let in.
	SessionEnded(begun bool, sqlstate string)
	// Connected is called after each attempt to connect to the server for a client.
	Connected(took time.Duration, err error)
}

// monitorEnd tells the Monitor how a session has ended, if an error has ended it.
func (s *Session) monitorEnd(cause error) {
	var e *Error
	switch {
	case s.cfg.Monitor == nil || s.login.onlyCancels():
	case errors.As(cause, &e):
		s.cfg.Monitor.SessionEnded(s.login == nil, e.Code)
	case errors.Is(cause, errRefused):
		s.cfg.Monitor.SessionEnded(false, "")
	}
}
