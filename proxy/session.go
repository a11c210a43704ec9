package proxy

// Session is one client from startup to close. (skeleton)
type Session struct{}

// Info returns what is known for the session's whole life.
func (s *Session) Info() SessionInfo { panic("skeleton") }

// Parameter returns the latest value of a parameter that the server reported, "" if it never did. Safe for concurrent use.
func (s *Session) Parameter(name string) string { panic("skeleton") }
