package proxy

import (
	"context"
	"errors"
	"fmt"

	"mzproxy/proxy/wire"
)

// errNotNow says that the session's connection can take no question at this moment: what was sent before has failed, or will
// be skipped with the rest of its pipeline.
var errNotNow = errors.New("the session cannot be asked now")

// errUnknown says that the server does not answer the question.
var errUnknown = errors.New("the server does not show it")

// askedName is the prepared statement and the portal of a question. They are closed with it.
const askedName = "asked by proxy"

// A question is a SHOW of ours on a session's own connection. It changes nothing in any state of a transaction, and the client
// sees nothing of its answers. It goes by the extended protocol under names of its own, for a simple query would destroy the client's
// unnamed statement and end its pipeline.
type question struct {
	frames []byte
	value  string
	result chan error // gets one value
	over   bool
}

// finish tells whoever asked how it went, the first time. It never waits.
func (q *question) finish(err error) {
	if !q.over {
		q.over = true
		q.result <- err
	}
}

// ask is Query.Ask and Bind.Ask.
func (r asking) ask(ctx context.Context, parameter string) (value string, err error) {
	if r.extended().status() == 'E' || r.doomed() {
		return "", errNotNow
	}
	r.meanwhile(func() { value, err = r.askNow(ctx, parameter) })
	return value, err
}

func (r asking) askNow(ctx context.Context, parameter string) (string, error) {
	alone := len(r.segment) == 0
	q := r.question(alone,
		&wire.Parse{Name: askedName, Query: "SHOW " + parameter},
		&wire.Bind{DestinationPortal: askedName, PreparedStatement: askedName},
		&wire.Execute{Portal: askedName},
		&wire.Close{ObjectType: 'P', Name: askedName},
		&wire.Close{ObjectType: 'S', Name: askedName})
	if err := r.forward(q.frames); err != nil {
		return "", err
	}
	select {
	case err := <-q.result:
		r.deaf = errors.Is(err, errUnknown) && !alone
		return q.value, err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// question notes messages of ours. Alone they end with a Sync.
func (r asking) question(alone bool, messages ...wire.Message) *question {
	q := &question{result: make(chan error, 1)}
	for _, m := range messages {
		q.frames = wire.Append(q.frames, m)
	}
	if alone {
		q.frames = wire.Append(q.frames, &wire.Sync{})
	} else {
		q.frames = wire.Append(q.frames, &wire.Flush{})
	}
	for rest := q.frames; len(rest) > 0; {
		size, _ := wire.FrameSize(rest) // our own
		it := named(rest[0], rest[wire.HeaderSize:size])
		it.asked = q
		if expectsAnswer(it.kind) {
			r.track(it)
			r.count(it.kind)
		}
		rest = rest[size:]
	}
	return q
}

// closeUnnamed lets the server drop what has no name, between other messages.
func (r asking) closeUnnamed() error {
	return r.forward(r.question(false, &wire.Close{ObjectType: 'S'}).frames)
}

// dropUnnamed is what a simple query does to what has no name, where the server does not hear of it.
func (r asking) dropUnnamed() error {
	r.unnamed = false
	q := r.question(true, &wire.Close{ObjectType: 'P'}, &wire.Close{ObjectType: 'S'})
	if err := r.forward(q.frames); err != nil {
		return err
	}
	return r.settle()
}

// unasked makes sure that a client whose pipeline a question of ours has broken learns that it is broken.
func (r asking) unasked(refusal *Error) *Error {
	if r.deaf && refusal == nil {
		return &Error{Code: wire.CodeInternalError, Message: messageInternal}
	}
	return refusal
}

// overhear takes a message of the server that may answer a question of ours. What is not an answer to it is the client's.
func (r *replies) overhear(q *question, typ byte, frame []byte) error {
	switch typ {
	case 'N', 'S', 'A':
		return r.handle(typ, frame)
	case 'E':
		e, err := wire.DecodeFields(frame[wire.HeaderSize:])
		if err != nil {
			return err
		}
		r.note(typ)
		q.finish(fmt.Errorf("%w: %s (%s)", errUnknown, e.Message, e.Code))
		r.client.books.failed()
		r.client.settle()
		return nil
	case 'D':
		if row, ok := wire.DecodeRow(frame[wire.HeaderSize:]); ok && len(row) == 1 {
			q.value = string(row[0])
		}
		r.last = typ
		return nil
	case 'Z':
		if len(frame) != wire.HeaderSize+1 {
			return wire.Malformed("invalid ReadyForQuery message")
		}
		r.last = typ
		r.client.books.ready(frame[wire.HeaderSize])
		r.client.answered = 0
		r.client.progress.ready(frame[wire.HeaderSize])
		r.client.settle()
		r.counter.ready(frame[wire.HeaderSize])
		return nil
	}
	r.note(typ)
	if typ == 'C' {
		q.finish(nil)
	}
	r.client.books.answered(typ)
	r.client.settle()
	return nil
}
