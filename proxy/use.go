package proxy

import (
	"time"

	"mzproxy/proxy/wire"
)

// A UseJudge is a Handler that knows which texts use what the server provides on demand, so that Session.Use can tell.
type UseJudge interface {
	// Uses reports whether a statement of a text is use. It is asked about every text of a Query and Parse message, so it must be cheap,
	// and must not block. text is only valid during the call.
	Uses(text []byte) bool
}

// Use tells whether use is in progress in the session: a statement that a UseJudge takes for that, or a transaction that has
// executed one. ended is when the latest one came to its end; zero: there was none.
func (s *Session) Use() (now bool, ended time.Time) {
	s.counter.mu.Lock()
	defer s.counter.mu.Unlock()
	return s.counter.use.until > 0, s.counter.use.ended
}

// use is what a requestCounter knows of it.
type use struct {
	until uint64 // the ReadyForQuery with which it ends at the earliest; 0: there is none in progress
	ended time.Time
}

// begin notes what is answered with a ReadyForQuery.
func (u *use) begin(uses bool, until uint64) {
	if uses {
		u.until = until
	}
}

// ready notes so many ReadyForQuerys, the latest one with a status. A transaction goes on until it ends, or has failed.
func (u *use) ready(received uint64, status byte) {
	if u.until == 0 || received < u.until {
		return
	}
	u.ended = time.Now()
	if status != 'T' {
		u.until = 0
	}
}

// uses follows which messages of a client are use. It belongs to the direction from the client.
type uses struct {
	judge   UseJudge        // nil: nobody wants to know
	now     bool            // the messages since the latest Sync or Query have some
	unnamed bool            // the unnamed statement is
	named   map[string]bool // these are
}

// maxUses bounds the names that are known. With more, every other statement is taken for use.
const maxUses = 10_000

// text takes in a Query or Parse message.
func (u *uses) text(typ byte, body []byte) {
	switch {
	case u.judge == nil:
	case typ == 'Q' && len(body) > 0:
		u.now = u.judge.Uses(body[:len(body)-1])
	case typ == 'P':
		name, rest, _ := wire.CutString(body)
		text, _, ok := wire.CutString(rest)
		if ok {
			u.prepared(name, u.judge.Uses(text))
		}
	}
}

// prepared notes what a name stands for. A name that once was use stays that: the server may refuse the new statement, and keep the old one.
func (u *uses) prepared(name []byte, is bool) {
	switch {
	case len(name) == 0:
		u.unnamed = is
	case !is, len(u.named) >= maxUses:
	case u.named == nil:
		u.named = map[string]bool{string(name): true}
	default:
		u.named[string(name)] = true
	}
}

// bound takes in a Bind message, or its beginning.
func (u *uses) bound(body []byte) {
	if u.judge == nil || u.now {
		return
	}
	_, rest, _ := wire.CutString(body)
	source, _, ok := wire.CutString(rest)
	switch {
	case !ok:
		u.now = true
	case len(source) == 0:
		u.now = u.unnamed
	default:
		u.now = u.named[string(source)] || len(u.named) >= maxUses
	}
}
