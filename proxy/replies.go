package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/jackc/pgproto3/v2"
)

// errSaidGoodbye is the end of a server that has told the client why, or of one
// whose client has said goodbye.
var errSaidGoodbye = errors.New("the session is over")

// replies is the direction from the server to the client. It belongs to one
// goroutine at a time; what it shares with the other direction is in clientSide and flow.
type replies struct {
	*exchange
	requests *requests
	pump     *pump
	skip     int  // bytes of a long message still to be forwarded
	last     byte // type of the latest message
	errors   ErrorRewriter
	settings ParameterRewriter
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
	return r.terminated.Load() || r.clientLeft() && r.flow.outstanding() == 0
}

// attentive reports whether more than the framing of the server's messages
// matters; client.mu is held.
func (r *replies) attentive() bool {
	return r.watched || len(r.client.script.items) > 0 || r.errors != nil || r.requests.remembers.Load()
}

// consume forwards whole messages, and long ones as they come.
func (r *replies) consume(data []byte) (int, error) {
	c := r.client
	c.hold()
	defer c.mu.Unlock()
	at := min(r.skip, len(data))
	r.skip -= at
	written := 0
	for r.skip == 0 && len(data)-at >= headerSize {
		typ := data[at]
		size, err := frameSize(data[at:])
		if err != nil {
			return written, err
		}
		end := at + size
		attentive := r.attentive()
		asked := c.script.asked()
		if end > len(data) {
			if (needsAll(typ, attentive) || asked != nil) && size <= maxHeld {
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
		case attentive && needsAll(typ, true) || typ == 'S' && r.settings != nil:
			if err := r.forward(data[written:at]); err != nil {
				return written, err
			}
			if err := r.handle(typ, data[at:end]); err != nil {
				return end, errors.Join(err, c.flush(nil))
			}
			written = end
		case typ == 'Z' || typ == 'S':
			if err := r.observe(typ, data[at:end]); err != nil {
				return written, err
			}
		default:
			r.note(typ)
		}
		at = end
	}
	if err := c.flush(data[written:at]); err != nil {
		return at, err
	}
	c.setMid(r.skip > 0)
	if r.clientLeft() && r.flow.waits() {
		r.session.awaitServer(dismissed)
	}
	return at, r.drainedOut()
}

// forward writes whole messages; the stream is at a boundary behind them.
func (r *replies) forward(p []byte) error {
	if len(p) == 0 {
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
	if r.draining.Load() && r.last == 'Z' && r.skip == 0 && r.flow.outstanding() == 0 && r.flow.tx() == 'I' {
		return fatal(CodeAdminShutdown, messageShutdown, ErrShutdown)
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
		name, value, err := readParameterStatus(frame[headerSize:])
		if err == nil {
			r.session.setParameter(name, value)
		}
		return err
	}
	if len(frame) != headerSize+1 {
		return malformed("invalid ReadyForQuery message")
	}
	r.client.began()
	r.flow.ready(frame[headerSize])
	return nil
}

// note keeps count of a message that is forwarded as it is.
func (r *replies) note(typ byte) {
	r.last = typ
	switch typ {
	case '1', '2', '3', 'T', 'n', 'C', 'I', 's':
		r.client.answered++
	case 'G':
		r.flow.copyStarted()
	case 'E':
		r.client.failed = true
		r.flow.copyFailed()
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
	case 'C', 'I':
		return r.completed(typ, frame)
	case 'G':
		r.client.script.loseSyncs()
	}
	if err := r.forward(frame); err != nil {
		return err
	}
	r.client.script.answer(typ)
	return r.client.prompt()
}

// parameter tracks and perhaps changes a ParameterStatus.
func (r *replies) parameter(frame []byte) error {
	name, value, err := readParameterStatus(frame[headerSize:])
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
	return r.forward(appendMessage(nil, &pgproto3.ParameterStatus{Name: name, Value: changed}))
}

// complaint forwards an ErrorResponse or NoticeResponse, put into the terms of the client's text.
func (r *replies) complaint(typ byte, frame []byte) error {
	e, err := readError(frame[headerSize:])
	if err != nil {
		return err
	}
	sc := &r.client.script
	head := sc.head()
	if typ == 'E' {
		if r.watched {
			r.events = append(r.events, Event{Code: e.Code})
		}
		if ours := head.failure(); ours != nil {
			frame = appendMessage(nil, ours.response())
			e = nil
		}
	}
	if e != nil {
		changed := head.relocate(e)
		if r.errors != nil {
			r.errors.RewriteError(e)
			changed = true
		}
		if changed {
			frame = appendMessage(nil, e)
			frame[0] = typ
		}
	}
	if err := r.forward(frame); err != nil {
		return err
	}
	if typ == 'E' && head != nil && head.kind != 'Q' && head.kind != 'F' {
		sc.skip()
	}
	r.client.settle()
	return nil
}

// completed forwards a CommandComplete or EmptyQueryResponse.
func (r *replies) completed(typ byte, frame []byte) error {
	c := r.client
	if typ == 'C' {
		tag := string(bytes.TrimRight(frame[headerSize:], "\x00"))
		h := c.script.head().completing()
		done := h != nil && h.done != nil
		r.watched = r.watched || done // prepared long ago, perhaps
		if r.watched {
			r.events = append(r.events, Event{Tag: tag, Done: done})
		}
		if tag == "DISCARD ALL" || tag == "DEALLOCATE ALL" {
			r.requests.era.ended.Add(1)
		}
		if h != nil {
			h.followed()
			if done {
				r.completedBy(h, tag)
			}
			if h.tag != "" {
				frame = appendMessage(nil, &pgproto3.CommandComplete{CommandTag: []byte(h.tag)})
			}
		}
	}
	if h := c.script.head(); h == nil || h.batch == nil || !h.batch.silent || typ != 'I' {
		if err := r.forward(frame); err != nil {
			return err
		}
	}
	if h := c.script.head(); h != nil && h.batch != nil {
		if err := c.write(h.batch.next()); err != nil {
			return err
		}
	}
	c.script.answer(typ)
	return c.prompt()
}

// completedBy tells a verdict that its statement is done.
func (x *exchange) completedBy(h *hooks, tag string) {
	x.handling.Lock(x.task)
	defer x.handling.Unlock()
	h.done(tag)
}

// ready forwards a ReadyForQuery behind what the handler has to say.
func (r *replies) ready(frame []byte) error {
	if len(frame) != headerSize+1 {
		return malformed("invalid ReadyForQuery message")
	}
	c, status := r.client, frame[headerSize]
	c.script.ready()
	c.began()
	c.settle()
	if r.watched && r.flow.outstanding() > 0 { // one that nobody asked for could come while a handler writes
		if err := c.flush(nil); err != nil {
			return err
		}
		r.flow.hold()
		var before []byte
		r.call(false, func(ctx context.Context) { before = r.beforeReady(ctx, status) })
		if err := c.write(before); err != nil {
			return err
		}
	}
	// The count goes first: the client may answer faster than we go on.
	r.flow.ready(status)
	if err := r.forward(frame); err != nil {
		return err
	}
	return c.prompt()
}

// beforeReady asks the handler of a watched session what to say before a
// ReadyForQuery; client.mu is held.
func (x *exchange) beforeReady(ctx context.Context, status byte) []byte {
	events := x.events
	x.events, x.watched = nil, false
	x.handling.Lock(x.task)
	defer x.handling.Unlock()
	ready := x.handler.Ready(ctx, Completed{TxStatus: status, Events: events})
	x.watched = ready.Watch
	return x.encodeReady(ready)
}

// encodeReady makes the messages of a Ready.
func (x *exchange) encodeReady(ready Ready) []byte {
	var out []byte
	for _, p := range ready.Parameters {
		x.session.setParameter(p.Name, p.Value)
		out = appendMessage(out, &pgproto3.ParameterStatus{Name: p.Name, Value: p.Value})
	}
	for _, n := range ready.Notices {
		out = appendNotice(out, n)
	}
	return out
}
