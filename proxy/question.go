package proxy

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgproto3/v2"
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
func (r *requests) ask(ctx context.Context, parameter string) (string, error) {
	if r.failed() {
		return "", errNotNow
	}
	r.handling.Unlock() // the server's answers to what came before are the handler's, too
	defer r.handling.Lock(r.task)
	q := &question{result: make(chan error, 1)}
	alone := len(r.segment) == 0
	frames := appendMessage(nil, &pgproto3.Parse{Name: askedName, Query: "SHOW " + parameter})
	frames = appendMessage(frames, &pgproto3.Bind{DestinationPortal: askedName, PreparedStatement: askedName})
	frames = appendMessage(frames, &pgproto3.Execute{Portal: askedName})
	frames = appendMessage(frames, &pgproto3.Close{ObjectType: 'P', Name: askedName})
	frames = appendMessage(frames, &pgproto3.Close{ObjectType: 'S', Name: askedName})
	kinds := []byte{'P', 'B', 'E', 'C', 'C'}
	if alone {
		frames = appendMessage(frames, &pgproto3.Sync{})
		kinds = append(kinds, 'S')
	} else {
		frames = appendMessage(frames, &pgproto3.Flush{})
	}
	for _, kind := range kinds {
		if err := r.expect(item{kind: kind, asked: q}); err != nil {
			return "", err
		}
		r.count(kind)
	}
	if r.client.lost(q) {
		return "", errNotNow
	}
	if err := r.forward(frames); err != nil {
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

// unasked makes sure that a client whose pipeline a question of ours has broken learns that it is broken.
func (r *requests) unasked(refusal *Error) *Error {
	if r.deaf && refusal == nil {
		return &Error{Code: CodeInternalError, Message: messageInternal}
	}
	return refusal
}

// restart forgets what the server skips.
func (r *requests) restart() {
	r.client.hold()
	defer r.client.mu.Unlock()
	r.segment = r.segment[:0]
	r.client.answered = 0
}

// lost takes a question back that the server would skip: it has failed since the latest ReadyForQuery.
func (c *clientSide) lost(q *question) bool {
	c.hold()
	defer c.mu.Unlock()
	if c.failed {
		c.script.drop(q)
		c.settle()
	}
	return c.failed
}

// drop takes the items of a question out.
func (s *script) drop(q *question) {
	kept := s.items[:0]
	for _, it := range s.items {
		if it.asked != q {
			kept = append(kept, it)
		}
	}
	clear(s.items[len(kept):])
	s.items = kept
}

// asked is the question that the head belongs to; nil: none.
func (s *script) asked() *question {
	if h := s.head(); h != nil {
		return h.asked
	}
	return nil
}

// overhear takes a message of the server that may answer a question of ours. What is not an answer to it is the client's.
func (r *replies) overhear(q *question, typ byte, frame []byte) error {
	switch typ {
	case 'N', 'S', 'A':
		return r.handle(typ, frame)
	case 'E':
		e, err := readError(frame[headerSize:])
		if err != nil {
			return err
		}
		r.note(typ)
		q.finish(fmt.Errorf("%w: %s (%s)", errUnknown, e.Message, e.Code))
		r.client.script.skip()
		r.client.settle()
		return nil
	case 'D':
		var row pgproto3.DataRow
		if row.Decode(frame[headerSize:]) == nil && len(row.Values) == 1 {
			q.value = string(row.Values[0])
		}
		r.last = typ
		return nil
	case 'Z':
		if len(frame) != headerSize+1 {
			return malformed("invalid ReadyForQuery message")
		}
		r.last = typ
		r.client.script.ready()
		r.client.began()
		r.client.settle()
		r.flow.ready(frame[headerSize])
		return r.client.prompt()
	}
	r.note(typ)
	if typ == 'C' {
		q.finish(nil)
	}
	r.client.script.answer(typ)
	return r.client.prompt()
}
