package proxy

import (
	"context"

	"mzproxy/proxy/wire"
)

// ready forwards a ReadyForQuery after what the handler has to say.
func (r *replies) ready(frame []byte) error {
	if len(frame) != wire.HeaderSize+1 {
		return wire.Malformed("invalid ReadyForQuery message")
	}
	c, status := r.client, frame[wire.HeaderSize]
	c.books.ready(status)
	c.answered, c.copying = 0, false
	c.progress.ready(status)
	c.settle()
	if r.watched && r.counter.outstanding() > 0 { // one that nobody asked for could come while a handler writes
		if err := c.flush(nil); err != nil {
			return err
		}
		r.counter.hold()
		var before []byte
		r.call(false, func(ctx context.Context) { before = r.beforeReady(ctx, status) })
		if err := c.write(before); err != nil {
			return err
		}
	}
	// The count goes first: the client may answer faster than we go on.
	r.counter.ready(status)
	return r.forward(frame)
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
		out = wire.Append(out, &wire.ParameterStatus{Name: p.Name, Value: p.Value})
	}
	for _, n := range ready.Notices {
		out = wire.AppendNotice(out, n)
	}
	return out
}
