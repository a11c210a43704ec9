package proxy

import (
	"container/list"
	"net/netip"
	"time"

	"mzproxy/proxy/wire"
)

// yieldAfter is how long a connection may take to log in before it gives way to others, where there is no place left.
const yieldAfter = 2 * time.Second

// waiting are the connections that have not logged in yet, the oldest first. Their server's mutex guards them.
type waiting struct{ list.List }

// add appends one that has just come.
func (w *waiting) add(s *Session) { s.waits = w.PushBack(s) }

// remove takes one out that has logged in, or has gone.
func (w *waiting) remove(s *Session) {
	if s.waits != nil {
		w.Remove(s.waits)
		s.waits = nil
	}
}

// yield ends the oldest one that has been waiting for long, of an address, or of all where that is not valid, and tells whether there was one.
func (w *waiting) yield(address netip.Addr) bool {
	for e := w.Front(); e != nil; e = e.Next() {
		s := e.Value.(*Session)
		switch {
		case time.Since(s.started) < yieldAfter:
			return false
		case address.IsValid() && addressOf(s.info.ClientAddr) != address:
			continue
		}
		w.remove(s)
		go s.end(tooMany(), nil)
		return true
	}
	return false
}

func tooMany() *Error {
	return wire.Fatal(wire.CodeTooManyConnections, "sorry, too many clients already", nil)
}
