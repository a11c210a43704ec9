package proxy

import (
	"bytes"
	"context"

	"mzproxy/proxy/wire"
)

// completed forwards the end of a statement, or of a part of its rows.
func (r *replies) completed(typ byte, frame []byte) error {
	c := r.client
	b := &c.books
	h := b.head()
	c.copying = false
	if h != nil && h.kind == 'Q' && typ == 'C' { // each of its statements has the unnamed portal; one that is empty, or wrong, leaves it alone
		delete(b.portals, "")
	}
	switch {
	case h != nil && h.batch != nil && typ == 'C' && h.batch.ours():
		if h.batch.fail[h.batch.at] != nil {
			return wire.Fatal(wire.CodeProtocolViolation, messageNotRefused, nil)
		}
		local := h.batch.local[h.batch.at]
		if err := c.write(local.messages); err != nil {
			return err
		}
		if local.done != nil {
			r.callDone(local.done)
		}
		h.batch.at++
		return nil
	case h == nil || !h.ours:
		if typ == 'C' {
			frame = r.executed(h, frame)
		}
		if err := r.forward(frame); err != nil {
			return err
		}
	}
	b.answered(typ)
	c.settle()
	return nil
}

// executed takes note of a statement of the server's that is done, and returns what the client sees of that.
func (r *replies) executed(head *item, frame []byte) []byte {
	b := &r.client.books
	tag := string(bytes.TrimRight(frame[wire.HeaderSize:], "\x00"))
	at := Place{r.client.progress.begun, r.client.progress.others}
	r.client.progress.completed([]byte(tag))
	h := b.completing(head)
	done := h != nil && h.done != nil
	if done || !undone(tag) {
		r.client.retake.spoil()
	}
	r.watched = r.watched || done // prepared long ago, perhaps
	if r.watched {
		r.events = append(r.events, Event{Tag: tag, Done: done})
	}
	b.done(h, tag)
	if done {
		r.callDone(func() { h.done(tag) })
	}
	if h != nil && h.tag != "" {
		return wire.Append(nil, &wire.CommandComplete{CommandTag: []byte(h.tag)})
	}
	if tag == "COMMIT" && r.watched {
		if e := r.committed(at); e != nil {
			return wire.Append(nil, e)
		}
	}
	return frame
}

// committed asks the handler of a watched session what to do about a COMMIT.
func (r *replies) committed(at Place) (refusal *Error) {
	h, ok := r.handler.(Committer)
	if !ok || r.client.flush(nil) != nil {
		return nil
	}
	r.counter.hold()
	r.call(false, func(ctx context.Context) {
		r.handling.Lock(r.task)
		defer r.handling.Unlock()
		if err := h.Commit(ctx, at); err != nil {
			refusal = r.refusal(ctx, err)
		}
	})
	return refusal
}

// completing returns the wishes about the statement that a CommandComplete is for, and goes on to the next one.
func (b *books) completing(head *item) *directives {
	switch {
	case head == nil:
		return nil
	case head.batch != nil:
		head.batch.at++
		return head.batch.directives[head.batch.at-1]
	case head.kind == 'E' && b.portals[head.name] != nil:
		return &b.portals[head.name].directives
	}
	return nil
}

// callDone tells a verdict that its statement is done.
func (x *exchange) callDone(done func()) {
	x.handling.Lock(x.task)
	defer x.handling.Unlock()
	done()
}
