package proxy

import (
	"mzproxy/proxy/netpoll"
)

// Parked is the number of directions that wait in the poller.
func (s *Server) Parked() int { return s.counts().Waiting }

// Blocked is the number of sockets that somebody waits to write to.
func (s *Server) Blocked() int { return s.counts().Blocked }

// Spare is the number of goroutines that are kept for logins to come.
func (s *Server) Spare() int { return s.counts().Spare }

func (s *Server) counts() (c netpoll.Counts) {
	s.mu.Lock()
	network := s.network
	s.mu.Unlock()
	if network == nil { // not serving yet
		return c
	}
	return network.Counts()
}

// StepAside has whoever leads while it works for a session hand the lead over.
func (s *Server) StepAside() { s.each(func(session *Session) { session.task.Blocking(func() {}) }) }
