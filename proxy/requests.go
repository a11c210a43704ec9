package proxy

import (
	"errors"
	"fmt"
	"time"

	"mzproxy/proxy/wire"
)

// errServerGone is a server that takes no more bytes.
var errServerGone = errors.New("cannot write to the server")

// maxHeld is the size up to which a message is held as a whole where somebody
// has to see all of it: the text of a Query, an ErrorResponse. A longer one is
// forwarded as it comes and nobody is asked.
const maxHeld = 16 << 20

// requests is the direction from the client to the server. It belongs to one
// goroutine at a time. What is not ours passes in consume; where a handler is to be asked, or a
// message concerns an answer of ours, the pump pauses in front of that message
// and handle takes it.
type requests struct {
	*exchange
	pump *pump
	skip int  // bytes of a long message still to be forwarded
	drop bool // ... or to be dropped
	// segment holds the types of the messages that the server has got since the
	// latest one that it answers with ReadyForQuery.
	segment []byte
	// poisoned is set where the server fails at a message of the segment, because we made it.
	poisoned bool
	deaf     bool // the server skips it, and the client does not know: a question of ours failed
	// unnamed is set where the server may have an unnamed statement or portal.
	unnamed bool
	uses    uses
	waker   Waker  // nil: nothing sleeps
	keeping bool   // what is forwarded is kept, to be sent again
	kept    []byte // what was forwarded since the latest ReadyForQuery
}

func newRequests(s *Session) *requests {
	r := &requests{exchange: &s.exchange}
	r.pump = newPump(s.conn, r)
	return r
}

func (r *requests) step() (err error) {
	defer r.recovered(&err)
	return r.pump.step()
}

func (r *requests) run() error {
	for {
		err := r.pump.run()
		if !errors.Is(err, errPause) {
			return err
		}
		size, err := wire.FrameSize(r.pump.buf)
		if err != nil {
			return err
		}
		if err := r.handle(r.pump.buf[:size]); err != nil {
			return err
		}
		r.pump.discard(size)
	}
}

// consume forwards whole messages, and long ones as they come.
func (r *requests) consume(data []byte) (int, error) {
	at, from := min(r.skip, len(data)), 0
	r.skip -= at
	if r.drop {
		from = at
		r.drop = r.skip > 0
	}
	guards := guarded{r}.on()
	var pause error
	for r.skip == 0 && len(data)-at >= wire.HeaderSize {
		typ := data[at]
		size, err := wire.FrameSize(data[at:])
		if err != nil {
			return at, err
		}
		end := at + size
		guarded := guards && mayMeet(typ)
		if (guarded || r.looksAt(typ)) && size <= maxHeld {
			if end > len(data) {
				break
			}
			r.uses.text(typ, data[at+wire.HeaderSize:end])
			if guarded || r.concerns(typ, data[at+wire.HeaderSize:end]) {
				pause = errPause
				break
			}
		}
		if size > maxHeld && typ == 'B' && r.tracks() { // nobody could look at it
			if err := r.forward(data[from:at]); err != nil {
				return at, err
			}
			if err := r.extended().fail(&Error{Code: wire.CodeProgramLimit, Message: messageTooLong}); err != nil {
				return at, err
			}
			r.skip = max(0, end-len(data))
			r.drop = r.skip > 0
			at = min(end, len(data))
			from = at
			continue
		}
		r.skip = max(0, end-len(data))
		r.note(typ, data[at+wire.HeaderSize:min(end, len(data))])
		at = min(end, len(data))
	}
	if err := r.forward(data[from:at]); err != nil {
		return at, err
	}
	return at, pause
}

// forward writes to the server.
func (r *requests) forward(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if r.keeping {
		guarded{r}.keep(p)
	}
	if _, err := r.upstream.Write(p); err != nil {
		return fmt.Errorf("%w: %w", errServerGone, err)
	}
	return nil
}

// looksAt reports whether the content of a message matters.
func (r *requests) looksAt(typ byte) bool {
	if r.handler == nil {
		return false
	}
	switch typ {
	case 'Q', 'P':
		return true
	case 'F':
		return len(r.segment) > 0
	case 'B', 'D', 'E', 'C':
		return r.tracks()
	}
	return false
}

// tracks reports whether messages have to be followed: the books are not empty.
func (r *requests) tracks() bool { return r.client.tracking.Load() }

// concerns reports whether handle has to see a message.
func (r *requests) concerns(typ byte, body []byte) bool {
	switch typ {
	case 'Q':
		return len(r.segment) > 0 || len(body) > 0 && r.handler.Wants(body[:len(body)-1])
	case 'F':
		return true
	case 'P':
		_, rest, ok := wire.CutString(body)
		text, _, ok2 := wire.CutString(rest)
		return ok && ok2 && r.handler.Wants(text)
	case 'B':
		_, rest, ok := wire.CutString(body)
		source, _, ok2 := wire.CutString(rest)
		return ok && ok2 && r.asks(func(b *books) bool { return b.mayKnow(string(source)) || len(b.items) >= maxScript })
	case 'E':
		name, _, ok := wire.CutString(body)
		return ok && r.asks(func(b *books) bool { return b.mayRun(string(name)) })
	}
	return false
}

// maxScript is how many messages a client that we have something to do with may send without an answer, before
// the next one waits.
const maxScript = 4096

// asks looks into the books.
func (r *requests) asks(f func(*books) bool) bool {
	r.client.hold()
	defer r.client.mu.Unlock()
	return f(&r.client.books)
}

// note keeps count of a message that is about to be forwarded.
func (r *requests) note(typ byte, body []byte) {
	if expectsAnswer(typ) && r.handler != nil && (r.keeping || r.tracks()) {
		r.track(named(typ, body))
	}
	if (typ == 'P' || typ == 'B') && len(body) > 0 && body[0] == 0 {
		r.unnamed = true
	}
	if typ == 'B' {
		r.uses.bound(body)
	}
	r.count(typ)
}

// named makes the item of a message.
func named(typ byte, body []byte) item {
	it := item{kind: typ}
	switch typ {
	case 'D', 'C':
		if len(body) == 0 {
			return it
		}
		it.ofPortal, body = body[0] == 'P', body[1:]
		fallthrough
	case 'P', 'B', 'E':
		name, _, _ := wire.CutString(body)
		it.name = string(name)
	}
	return it
}

// track gives a message its place in the reply queue, unless the server skips it: that is certain under the lock
// only, for an error may come at any time. The first one of the queue must be one of the current segment.
func (r *requests) track(it item) {
	c := r.client
	c.hold()
	defer c.mu.Unlock()
	r.follow()
	switch {
	case it.kind != 'S' && r.doomed():
		if it.asked != nil {
			it.asked.finish(errNotNow)
		}
		return
	case it.kind == 'S' && c.copying: // the server ignores it
		return
	}
	c.books.push(it)
	c.retake.sent(it)
	c.settle()
}

// leftTimeout is how long an answer may still take when the client has closed its side of the connection: it may have closed it
// altogether.
const leftTimeout = 2 * time.Second

// errLeft ends what takes longer than that. The server may take its time.
var errLeft = fmt.Errorf("%w, or says no more", ErrClientGone)

// follow begins the queue with what the server has yet to answer of the segment; client.mu is held.
func (r *requests) follow() {
	c := r.client
	if !c.books.empty() || r.doomed() {
		return
	}
	for _, kind := range r.segment[min(c.answered, len(r.segment)):] {
		c.books.push(item{kind: kind})
	}
}

// handle takes a message that consume left to it.
func (r *requests) handle(frame []byte) error {
	if err := r.asking().settle(); err != nil {
		return err
	}
	if g := (guarded{r}); g.on() {
		return g.handle(frame)
	}
	return dispatch(r, frame)
}

// dispatch gives a message to what knows its kind.
func dispatch(r *requests, frame []byte) error {
	body := frame[wire.HeaderSize:]
	if r.doomed() {
		return r.pass(frame)
	}
	switch frame[0] {
	case 'Q', 'F':
		return r.simple().query(frame)
	case 'P':
		return r.extended().parse(frame, body)
	case 'B':
		r.uses.bound(body)
		return r.extended().bind(frame, body)
	case 'E':
		return r.extended().execute(frame, body)
	}
	return r.pass(frame)
}

// pass forwards a message as it is.
func (r *requests) pass(frame []byte) error {
	r.note(frame[0], frame[wire.HeaderSize:])
	return r.forward(frame)
}

// passFor forwards a message that the reply queue has an item for.
func (r *requests) passFor(it item, frame []byte) error {
	r.track(it)
	if (it.kind == 'P' || it.kind == 'B') && it.name == "" {
		r.unnamed = true
	}
	r.count(it.kind)
	return r.forward(frame)
}
