package proxy

import "github.com/jackc/pgproto3/v2"

// An item stands for one message of the client that will be answered: by the
// server, or by us when its turn comes.
type item struct {
	kind  byte   // type of the client's message: P B D E C S Q F
	local bool   // reply is the answer
	reply []byte // whole messages
	batch *batch // Q: what to do with the answers of its statements; may be nil
	hooks *hooks // P, B, E: of the statement; may be nil
	fail  *Error // P: the server fails here because we made it; this is what the client sees

	statement *statement // P: what the server makes; may be nil
	asked     *question  // the server's answer is for us, not for the client; may be nil
}

// hooks are the wishes of a verdict about a statement that the server executes.
type hooks struct {
	tag  string
	done func(tag string)
	edited

	prepares     *Prepared // what it does to prepared statements; see requests.executing
	deallocates  string
	makes, drops *statement
}

// A script is what the client is waiting for, in order. It is kept only while
// something of ours has a place in it: a session that is only relayed has an
// empty one. A clientSide's mutex guards it.
type script struct{ items []item }

func (s *script) head() *item {
	if len(s.items) == 0 {
		return nil
	}
	return &s.items[0]
}

func (s *script) push(it item) { s.items = append(s.items, it) }

func (s *script) pop() {
	s.items[0] = item{}
	s.items = s.items[1:]
	if len(s.items) == 0 {
		s.items = nil
	}
}

// lose drops the head, which gets no answer any more if it had none.
func (s *script) lose() {
	if q := s.asked(); q != nil {
		q.finish(errNotNow)
	}
	s.pop()
}

// answer pops the head if the message typ of the server answers it.
func (s *script) answer(typ byte) {
	h := s.head()
	if h == nil || !answers(typ, h.kind) {
		return
	}
	if h.statement != nil && h.kind == 'P' {
		h.statement.make()
	}
	s.pop()
}

// skip drops what the server skips after an error: all up to the next Sync.
func (s *script) skip() {
	for h := s.head(); h != nil && h.kind != 'S'; h = s.head() {
		s.lose()
	}
}

// ready drops all up to and with the message that a ReadyForQuery answers.
func (s *script) ready() {
	for h := s.head(); h != nil; h = s.head() {
		kind := h.kind
		s.lose()
		if kind == 'S' || kind == 'Q' || kind == 'F' {
			return
		}
	}
}

// loseSyncs drops the Syncs that the server ignores because they stand behind
// the Execute that began a COPY FROM STDIN.
func (s *script) loseSyncs() {
	if h := s.head(); h == nil || h.kind != 'E' {
		return
	}
	for len(s.items) > 1 && s.items[1].kind == 'S' {
		s.items = append(s.items[:1], s.items[2:]...)
	}
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
func (it *item) failure() *Error {
	switch {
	case it == nil:
		return nil
	case it.batch != nil:
		return it.batch.failure()
	}
	return it.fail
}

// relocate puts the position of a complaint about an edited text into the terms
// of the client's; it reports whether that changed anything.
func (it *item) relocate(e *pgproto3.ErrorResponse) bool {
	if it == nil || e.Position == 0 {
		return false
	}
	var t edited
	switch {
	case it.batch != nil:
		t = it.batch.edited
	case it.hooks != nil:
		t = it.hooks.edited
	}
	position := int32(t.position(int(e.Position)))
	changed := position != e.Position
	e.Position = position
	return changed
}

// completing returns the wishes about the statement that a CommandComplete is for.
func (it *item) completing() *hooks {
	switch {
	case it == nil:
		return nil
	case it.batch != nil:
		return it.batch.completing()
	case it.kind == 'E':
		return it.hooks
	}
	return nil
}

// prompt gives the client the answers of ours whose turn it is; c.mu is held.
func (c *clientSide) prompt() error {
	for h := c.script.head(); h != nil && h.local; h = c.script.head() {
		if err := c.write(h.reply); err != nil {
			return err
		}
		c.script.pop()
	}
	if h := c.script.head(); h != nil && h.batch != nil && !h.batch.started {
		h.batch.started = true
		if err := c.write(h.batch.locals[0]); err != nil {
			return err
		}
	}
	c.settle()
	return nil
}

// settle notes whether anything is left in the script; c.mu is held.
func (c *clientSide) settle() { c.tracking.Store(c.script.head() != nil) }
