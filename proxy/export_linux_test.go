package proxy

// Parked is the number of directions that wait in the poller.
func (s *Server) Parked() int {
	s.mu.Lock()
	network := s.network
	s.mu.Unlock()
	parked := 0
	for _, p := range network.pollers {
		p.mu.Lock()
		for _, socket := range p.sockets {
			if socket != nil && socket.awaited() {
				parked++
			}
		}
		p.mu.Unlock()
	}
	return parked
}

func (s *socket) awaited() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, is := s.waiting.(direction) // not a fiber
	return is
}

// Blocked is the number of sockets that somebody waits to write to.
func (s *Server) Blocked() int {
	s.mu.Lock()
	network := s.network
	s.mu.Unlock()
	blocked := 0
	for _, p := range network.pollers {
		p.mu.Lock()
		for _, socket := range p.sockets {
			if socket != nil && socket.blocks() {
				blocked++
			}
		}
		p.mu.Unlock()
	}
	return blocked
}

func (s *socket) blocks() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.wake != nil
}

// StepAside has whoever leads while it works for a session hand the lead over.
func (s *Server) StepAside() { s.each(func(session *Session) { session.turn.stepAside() }) }

// Spare is the number of goroutines that are kept for logins to come.
func (s *Server) Spare() (spare int) {
	s.mu.Lock()
	network := s.network
	s.mu.Unlock()
	if network == nil {
		return 0
	}
	for _, p := range network.pollers {
		p.mu.Lock()
		spare += len(p.spare)
		p.mu.Unlock()
	}
	return spare
}
