package proxy

// Parked is the number of directions that wait in the poller.
func (s *Server) Parked() int {
	return s.count(func(s *socket) bool {
		_, is := s.waiting.(direction) // not a fiber
		return is
	})
}

// Blocked is the number of sockets that somebody waits to write to.
func (s *Server) Blocked() int {
	return s.count(func(s *socket) bool { return s.output.wake != nil })
}

// count is the number of sockets of which something holds.
func (s *Server) count(holds func(*socket) bool) (n int) {
	s.eachPoller(func(p *poller) {
		for _, socket := range p.sockets {
			if socket == nil {
				continue
			}
			socket.mu.Lock()
			if holds(socket) {
				n++
			}
			socket.mu.Unlock()
		}
	})
	return n
}

// eachPoller calls f for every poller, which is locked.
func (s *Server) eachPoller(f func(*poller)) {
	s.mu.Lock()
	network := s.network
	s.mu.Unlock()
	if network == nil { // not serving yet
		return
	}
	for _, p := range network.pollers {
		p.mu.Lock()
		f(p)
		p.mu.Unlock()
	}
}

// StepAside has whoever leads while it works for a session hand the lead over.
func (s *Server) StepAside() { s.each(func(session *Session) { session.turn.stepAside() }) }

// Spare is the number of goroutines that are kept for logins to come.
func (s *Server) Spare() (spare int) {
	s.eachPoller(func(p *poller) { spare += len(p.spare) })
	return spare
}
