package proxy

import (
	"bytes"
	"context"
	"slices"

	"mzproxy/proxy/wire"
)

// maxKeptRequests bounds what is kept of a session to be sent again, in bytes.
const maxKeptRequests = 1 << 20

// maxWakes is how often messages are sent again at most.
const maxWakes = 5

// guarded is the direction from the client while something may sleep on the server: one message after the other, and what is to be answered is
// awaited, so that it can be sent again before what follows.
type guarded struct{ *requests }

// on reports whether messages have to be kept.
func (r guarded) on() bool { return r.waker != nil && (r.keeping || r.waker.Asleep()) }

// mayMeet reports whether a message is one that is handled then: not what belongs to a copy, or ends the session.
func mayMeet(typ byte) bool { return expectsAnswer(typ) || typ == 'H' }

// keep keeps what is sent.
func (r guarded) keep(p []byte) {
	if len(r.kept)+len(p) <= maxKeptRequests {
		r.kept = append(r.kept, p...)
		return
	}
	r.client.hold()
	r.client.retake.spoil()
	r.client.mu.Unlock()
}

// handle takes a message, when nothing that was asked before this exchange is outstanding.
func (r guarded) handle(frame []byte) error {
	if len(r.segment) == 0 {
		r.begin()
	}
	if r.mustWait(frame) {
		if refusal := r.wake(nil); refusal != nil {
			return r.refuse(frame, refusal)
		}
	}
	if err := dispatch(r.requests, frame); err != nil {
		return err
	}
	switch frame[0] {
	case 'Q', 'F', 'S':
		return r.outcome(true)
	case 'H':
		return r.outcome(false)
	}
	return nil
}

// begin starts to keep what is sent, unless a transaction is open, of which more would have to be repeated.
func (r guarded) begin() {
	r.kept = nil
	r.keeping = r.counter.tx() == 'I'
	c := r.client
	c.hold()
	defer c.mu.Unlock()
	if c.retake = (retake{}); r.keeping {
		c.retake.begin()
	}
}

// mustWait reports whether a message may be about a statement whose error could not be mended.
func (r guarded) mustWait(frame []byte) bool {
	body := frame[wire.HeaderSize:]
	switch frame[0] {
	case 'B':
		r.uses.bound(body)
		if r.extended().status() == 'I' && !slices.Contains(r.segment, 'E') {
			return false
		}
	case 'Q':
		if r.extended().status() == 'I' && len(r.segment) == 0 && !several(body) {
			return false
		}
	default:
		return false
	}
	return r.uses.now && r.extended().status() != 'E' && !r.doomed() && r.waker.Asleep()
}

// several reports whether a text may hold more than one statement.
func several(body []byte) bool {
	text := bytes.TrimRight(body, " \t\r\n;\x00")
	return bytes.IndexByte(text, ';') >= 0
}

// refuse gives the client an error in place of the answer to a message that was not sent.
func (r guarded) refuse(frame []byte, refusal *Error) error {
	if frame[0] == 'Q' {
		if err := r.simple().failQuery(refusal); err != nil {
			return err
		}
		r.keeping = false
		return nil
	}
	return r.extended().fail(refusal)
}

// wake asks the handler.
func (r guarded) wake(ended *wire.Fields) (refusal *Error) {
	tell := func(n *Notice) error { return r.client.send(wire.AppendNotice(nil, n)) }
	return r.asking().consult(func(ctx context.Context) error { return r.waker.Wake(ctx, ended, tell) })
}

// outcome waits for the answers to what was sent, and sends it again as often as the server could not execute it for its sleep. synced: the
// last message is answered with a ReadyForQuery.
func (r guarded) outcome(synced bool) error {
	for wakes := 0; ; wakes++ {
		ended, err := r.await(synced)
		switch {
		case err != nil:
			return err
		case ended == nil:
			r.keeping = r.keeping && !synced
			return nil
		case wakes == maxWakes: // it falls asleep as fast as it is woken
			return r.giveUp(&Error{Code: ended.Code, Message: ended.Message, Detail: ended.Detail, Hint: ended.Hint}, synced)
		}
		if refusal := r.wake(ended); refusal != nil {
			return r.giveUp(refusal, synced)
		}
		if err := r.again(synced); err != nil {
			return err
		}
	}
}

// await waits until the server has answered, or has failed for its sleep: then the error is returned.
func (r guarded) await(synced bool) (ended *wire.Fields, err error) {
	c, k := r.client, &r.client.retake
	for {
		c.hold()
		ended = k.failed
		over := !k.on || ended == nil && c.isQuiet() || ended != nil && (!synced || k.status != 0)
		var news chan struct{}
		if !over {
			if k.news == nil {
				k.news = make(chan struct{})
			}
			news = k.news
		}
		c.mu.Unlock()
		if over {
			return ended, nil
		}
		r.asking().await(true, func(ctx context.Context) {
			select {
			case <-news:
			case <-ctx.Done():
				err = context.Cause(ctx)
			}
		})
		if err != nil {
			return nil, err
		}
	}
}

// again sends what was kept once more.
func (r guarded) again(synced bool) error {
	if !synced {
		if err := r.leave(wire.Append(nil, &wire.Sync{})); err != nil {
			return err
		}
	}
	c, k := r.client, &r.client.retake
	c.hold()
	first := k.unmake()
	c.mu.Unlock()
	for _, message := range first {
		if err := r.leave(message); err != nil {
			return err
		}
	}
	c.hold()
	c.books.items = k.again()
	c.answered = 0
	c.settle()
	c.mu.Unlock()
	r.keeping = false
	err := r.forward(r.kept)
	r.keeping = true
	return err
}

// leave sends a message of ours, whose answers nobody sees, and waits for its ReadyForQuery.
func (r guarded) leave(message []byte) error {
	c, k := r.client, &r.client.retake
	c.hold()
	k.discards, k.status = true, 0
	c.mu.Unlock()
	if _, err := r.upstream.Write(message); err != nil {
		return errServerGone
	}
	_, err := r.await(true)
	return err
}

// giveUp gives the client an error in the place of the one that it has not seen.
func (r guarded) giveUp(refusal *Error, synced bool) error {
	c := r.client
	c.hold()
	status := c.retake.status
	c.retake = retake{}
	r.keeping = r.keeping && !synced
	if r.watched {
		r.events = append(r.events, Event{Code: refusal.Code})
	}
	if !synced {
		r.counter.errored()
		c.books.failed()
		c.settle()
		c.mu.Unlock()
		return c.send(wire.Append(nil, refusal))
	}
	c.books.ready(status)
	c.answered = 0
	c.progress.ready(status)
	c.settle()
	c.mu.Unlock()
	r.counter.ready(status)
	return r.simple().readyAgain(wire.Append(nil, refusal))
}
