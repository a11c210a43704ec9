package proxy

import (
	"mzproxy/proxy/wire"
	"mzproxy/rewrite/pgtext"
)

// An item stands for one message of the client that the server has yet to
// answer, and says what becomes of the answer.
type item struct {
	kind     byte   // type of the message: P B D E C S Q F
	name     string // statement (P; C and D of one) or portal (B, E; C and D of one)
	ofPortal bool   // C, D: as opposed to a statement

	statement *statement // P: what the name then stands for; nil: nothing of ours
	portal    *portal    // B: the same
	prepares  string     // E: SQL's PREPARE makes this name
	prepared  *statement // ... stand for this

	ours  bool      // E: of a placeholder, whose rows and tag are not for the client
	asked *question // the answer is for us, not for the client; may be nil
	batch *batch    // Q: what to do with the answers of its statements; may be nil
	fail  *Error    // P: the server fails here because we made it; this is what the client sees. B: the same, if it fails with that code
}

// makes returns what a message makes a statement's name stand for, if it does.
func (it *item) makes(name string) (s *statement, ok bool) {
	switch {
	case it.kind == 'P' && it.name == name && it.fail == nil:
		return it.statement, true
	case it.prepared != nil && it.prepares == name:
		return it.prepared, true
	}
	return nil, false
}

// A replyQueue is what the client is waiting for, in order. It is kept only while
// there is something of ours: a session that is only relayed has an empty one.
type replyQueue struct{ items []item }

func (s *replyQueue) head() *item {
	if len(s.items) == 0 {
		return nil
	}
	return &s.items[0]
}

func (s *replyQueue) push(it item) { s.items = append(s.items, it) }

func (s *replyQueue) pop() {
	s.items[0] = item{}
	s.items = s.items[1:]
	if len(s.items) == 0 {
		s.items = nil
	}
}

// lose drops the head, which gets no answer any more if it had none.
func (s *replyQueue) lose() {
	if q := s.asked(); q != nil {
		q.finish(errNotNow)
	}
	s.pop()
}

// asked is the question that the head belongs to; nil: none.
func (s *replyQueue) asked() *question {
	if h := s.head(); h != nil {
		return h.asked
	}
	return nil
}

// skip drops what the server skips after an error: all up to the next Sync.
func (s *replyQueue) skip() {
	for h := s.head(); h != nil && h.kind != 'S'; h = s.head() {
		s.lose()
	}
}

// ready drops all up to and with the message that a ReadyForQuery answers, and
// returns that.
func (s *replyQueue) ready() (last item) {
	for h := s.head(); h != nil; h = s.head() {
		last = *h
		s.lose()
		if last.kind == 'S' || last.kind == 'Q' || last.kind == 'F' {
			return last
		}
	}
	return item{}
}

// loseSyncs drops the first n Syncs after the head, which began a COPY FROM STDIN: the server ignores them.
func (s *replyQueue) loseSyncs(n int) {
	for ; n > 0 && len(s.items) > 1 && s.items[1].kind == 'S'; n-- {
		s.items = append(s.items[:1], s.items[2:]...)
	}
}

// expectsAnswer reports whether a message has a place in the reply queue.
func expectsAnswer(typ byte) bool {
	switch typ {
	case 'P', 'B', 'D', 'E', 'C', 'Q', 'F', 'S':
		return true
	}
	return false
}

// answers reports whether the server's message typ is the last of its answer to
// a client's message kind. See "Message Flow" in the PostgreSQL documentation.
func answers(typ, kind byte) bool {
	switch typ {
	case '1':
		return kind == 'P'
	case '2':
		return kind == 'B'
	case '3':
		return kind == 'C'
	case 'T', 'n':
		return kind == 'D'
	case 'C', 'I', 's':
		return kind == 'E'
	}
	return false
}

// failure is the error that the client sees in place of the server's, which
// fails at this item because we made it; nil: the server's own.
func (it *item) failure(code string) *Error {
	switch {
	case it == nil:
		return nil
	case it.batch != nil:
		return it.batch.failure(code)
	case it.kind == 'B' && it.fail != nil && it.fail.Code != code:
		return nil
	}
	return it.fail
}

// hides reports whether a message of the server is not for the client.
func (it *item) hides(typ byte) bool {
	switch {
	case it == nil:
		return false
	case it.batch != nil:
		return it.batch.ours() && (typ == 'T' || typ == 'D')
	}
	return it.ours && typ == 'D'
}

// advise gives an error of the server the hint that a handler has for it; it reports whether that changed anything.
func (b *books) advise(e *wire.Fields) bool {
	it := b.head()
	if it == nil || e.Hint != "" {
		return false
	}
	switch {
	case it.batch != nil:
		e.Hint = it.batch.hint(e.Code)
	case it.kind == 'P' && it.statement != nil:
		e.Hint = it.statement.hint
	case it.kind == 'E' && b.portals[it.name] != nil:
		e.Hint = b.portals[it.name].hint
	}
	return e.Hint != ""
}

// relocate puts the position of a complaint about an edited text into the terms
// of the client's; it reports whether that changed anything.
func (b *books) relocate(e *wire.Fields) bool {
	it := b.head()
	if it == nil || e.Position == 0 {
		return false
	}
	var t pgtext.Edited
	switch {
	case it.batch != nil:
		t = it.batch.Edited
	case it.statement != nil:
		t = it.statement.Edited
	case it.portal != nil:
		t = it.portal.Edited
	case it.kind == 'E' && b.portals[it.name] != nil:
		t = b.portals[it.name].Edited
	}
	position := int32(t.Position(int(e.Position)))
	changed := position != e.Position
	e.Position = position
	return changed
}
