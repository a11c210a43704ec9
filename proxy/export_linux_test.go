package proxy

// Parked is the number of directions without a goroutine.
func (s *Server) Parked() int {
	s.lot.mu.Lock()
	defer s.lot.mu.Unlock()
	return s.lot.count
}

// AskToPark asks all sessions to park, quiet or not.
func (s *Server) AskToPark() {
	s.each(func(session *Session) {
		session.mu.Lock()
		defer session.mu.Unlock()
		if session.relaying && session.ended == nil && !session.leaving && len(session.calls) == 0 {
			session.askToPark()
		}
	})
}
