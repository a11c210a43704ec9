package proxy

import (
	"errors"
	"io"

	"mzproxy/proxy/wire"
)

// errSaidGoodbye is the end of a server that has told the client why, or of one
// whose client has said goodbye.
var errSaidGoodbye = errors.New("the session is over")

// replies is the direction from the server to the client. It belongs to one
// goroutine at a time; what it shares with the other direction is in the exchange.
type replies struct {
	*exchange
	requests *requests
	pump     *pump
	skip     int  // bytes of a long message still to be forwarded
	last     byte // type of the latest message
	errors   ErrorRewriter
	settings ParameterRewriter
	waker    Waker // nil: nothing sleeps
	muted    bool  // the client has had the answer
}

func newReplies(s *Session) *replies {
	r := &replies{exchange: &s.exchange, requests: s.requests}
	r.pump = newPump(s.upstream, r)
	return r
}

func (r *replies) step() (err error) {
	defer r.recovered(&err)
	return r.result(r.pump.step())
}

func (r *replies) run() error { return r.result(r.pump.run()) }

// result makes an end that was to be expected of one that was not.
func (r *replies) result(err error) error {
	if (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) && r.skip == 0 && (r.last == 'E' || r.dismissed()) {
		return errSaidGoodbye
	}
	return err
}

// dismissed reports whether the server has nothing more to do for the client.
func (r *replies) dismissed() bool {
	return r.terminated.Load() || r.clientLeft() && r.counter.outstanding() == 0
}

// attentive reports whether more than the framing of the server's messages
// matters; client.mu is held.
func (r *replies) attentive() bool {
	return r.watched || !r.client.books.empty() || r.errors != nil || r.client.retake.on
}

// consume forwards whole messages, and long ones as they come.
func (r *replies) consume(data []byte) (int, error) {
	c := r.client
	c.hold()
	defer c.mu.Unlock()
	at := min(r.skip, len(data))
	r.skip -= at
	written := 0
	for r.skip == 0 && len(data)-at >= wire.HeaderSize {
		typ := data[at]
		size, err := wire.FrameSize(data[at:])
		if err != nil {
			return written, err
		}
		end := at + size
		attentive := r.attentive()
		asked := c.books.asked()
		whole := needsAll(typ, attentive) || asked != nil || typ == 'C' && r.handler != nil || typ == 'D' && attentive && c.books.head().hides('D') || c.retake.on
		if end > len(data) {
			if whole && size <= maxHeld {
				break
			}
			r.note(typ)
			r.skip = end - len(data)
			at = len(data)
			break
		}
		switch {
		case asked != nil:
			if err := r.forward(data[written:at]); err != nil {
				return written, err
			}
			if err := r.overhear(asked, typ, data[at:end]); err != nil {
				return end, errors.Join(err, c.flush(nil))
			}
			written = end
		case attentive && whole || typ == 'S' && r.settings != nil:
			if err := r.forward(data[written:at]); err != nil {
				return written, err
			}
			handle := r.handle
			if c.retake.on {
				handle = r.handleAgain
			}
			if err := handle(typ, data[at:end]); err != nil {
				return end, errors.Join(err, c.flush(nil))
			}
			written = end
		case typ == 'Z' || typ == 'S':
			if err := r.observe(typ, data[at:end]); err != nil {
				return written, err
			}
		case typ == 'C' && r.handler != nil:
			r.note(typ)
			c.progress.completed(data[at+wire.HeaderSize : end-1])
		default:
			r.note(typ)
		}
		at = end
	}
	if err := c.flush(data[written:at]); err != nil {
		return at, err
	}
	c.setMid(r.skip > 0)
	if r.clientLeft() && r.counter.waits() {
		r.session.awaitServer(dismissed)
	}
	return at, r.drainedOut()
}

// forward writes whole messages; the stream is at a boundary after them.
func (r *replies) forward(p []byte) error {
	if len(p) == 0 || r.muted {
		return nil
	}
	if err := r.client.write(p); err != nil {
		return err
	}
	r.client.setMid(false)
	return nil
}

// drainedOut ends the session between two transactions when the proxy shuts down.
func (r *replies) drainedOut() error {
	if r.draining.Load() && r.last == 'Z' && r.skip == 0 && r.counter.outstanding() == 0 && r.counter.tx() == 'I' {
		return wire.Fatal(wire.CodeAdminShutdown, messageShutdown, ErrShutdown)
	}
	return nil
}

// needsAll reports whether a message has to be seen as a whole.
func needsAll(typ byte, attentive bool) bool {
	switch typ {
	case 'Z', 'S':
		return true
	case 'D', 'd':
		return false
	}
	return attentive
}

// observe looks at a message that is forwarded as it is.
func (r *replies) observe(typ byte, frame []byte) error {
	r.last = typ
	if typ == 'S' {
		name, value, err := wire.Parameter(frame[wire.HeaderSize:])
		if err == nil {
			r.session.setParameter(name, value)
		}
		return err
	}
	if len(frame) != wire.HeaderSize+1 {
		return wire.Malformed("invalid ReadyForQuery message")
	}
	r.client.answered = 0
	r.client.progress.ready(frame[wire.HeaderSize])
	r.counter.ready(frame[wire.HeaderSize])
	return nil
}

// note keeps count of a message.
func (r *replies) note(typ byte) {
	r.last = typ
	switch typ {
	case '1', '2', '3', 'T', 'n', 'C', 'I', 's':
		r.client.answered++
	case 'G':
		lost, goesOn := r.counter.copyStarted()
		if b := &r.client.books; b.head() != nil {
			b.loseSyncs(lost)
			r.client.copying = goesOn
			r.client.settle()
		}
	case 'E':
		r.counter.errored()
	}
}

// handle forwards one whole message with what has to be done about it.
func (r *replies) handle(typ byte, frame []byte) error {
	r.note(typ)
	switch typ {
	case 'Z':
		return r.ready(frame)
	case 'S':
		return r.parameter(frame)
	case 'E', 'N':
		return r.complaint(typ, frame)
	case 'C', 'I', 's':
		return r.completed(typ, frame)
	}
	b := &r.client.books
	h := b.head()
	switch {
	case typ == '1' && h != nil && h.fail != nil:
		return wire.Fatal(wire.CodeProtocolViolation, messageNotRefused, nil)
	case typ == 'T':
		if described := b.described(h); described != nil {
			frame = described
		}
	}
	if !h.hides(typ) {
		if err := r.forward(frame); err != nil {
			return err
		}
	}
	b.answered(typ)
	r.client.settle()
	return nil
}

// described is what the client sees of a Describe message's answer where that is about something of ours.
func (b *books) described(h *item) []byte {
	switch {
	case h == nil || h.kind != 'D':
	case h.ofPortal:
		if p := b.portals[h.name]; p != nil && p.answer != nil {
			formats, _ := expandFormats(p.formats, len(p.answer.Columns))
			return wire.Append(nil, describeRows(p.answer.Columns, formats))
		}
	default:
		s := b.statements[h.name]
		if s != nil && s.executes != nil {
			s = b.statements[s.executes.Name]
		}
		if s != nil && s.answer != nil {
			return wire.Append(nil, describeRows(s.answer.Columns, nil))
		}
	}
	return nil
}

// parameter tracks and perhaps changes a ParameterStatus.
func (r *replies) parameter(frame []byte) error {
	name, value, err := wire.Parameter(frame[wire.HeaderSize:])
	if err != nil {
		return err
	}
	r.session.setParameter(name, value)
	if r.settings == nil {
		return r.forward(frame)
	}
	changed, ok := r.settings.RewriteParameter(name, value)
	switch {
	case !ok:
		return nil
	case changed == value:
		return r.forward(frame)
	}
	return r.forward(wire.Append(nil, &wire.ParameterStatus{Name: name, Value: changed}))
}

// complaint forwards an ErrorResponse or NoticeResponse, put into the terms of the client's text.
func (r *replies) complaint(typ byte, frame []byte) error {
	e, err := wire.DecodeFields(frame[wire.HeaderSize:])
	if err != nil {
		return err
	}
	b := &r.client.books
	head := b.head()
	if typ == 'E' {
		if r.watched {
			r.events = append(r.events, Event{Code: e.Code})
		}
		if ours := head.failure(e.Code); ours != nil {
			frame = wire.Append(head.batch.before(), ours)
			e = nil
		}
	}
	if e != nil {
		changed := b.relocate(e)
		if typ == 'E' && b.advise(e) {
			changed = true
		}
		if r.errors != nil {
			r.errors.RewriteError(e)
			changed = true
		}
		if typ == 'E' && r.client.retake.on && r.waker.Sleeps(e) {
			e.Hint = r.waker.Hint()
			changed = true
		}
		if changed {
			frame = wire.AppendError(nil, e)
			frame[0] = typ
		}
	}
	if err := r.forward(frame); err != nil {
		return err
	}
	if typ == 'E' {
		r.client.copying = false
		b.failed()
		r.client.settle()
	}
	return nil
}
