package proxy

import (
	"context"

	"mzproxy/proxy/wire"
	"mzproxy/rewrite/pgtext"
)

// Texts that make a server fail. The first is wrong in any grammar, the second
// only when its turn among other statements comes.
const (
	poisonText      = "REFUSED BY PROXY"
	poisonStatement = "SELECT 1/0"
	poisonName      = "refused by proxy" // of a prepared statement that is never made
)

// maxAnswers bounds what is kept of answers in a text, in bytes.
const maxAnswers = 4 << 20

// simple is what the client asks for by the simple protocol.
type simple struct{ *requests }

func (r *requests) simple() simple { return simple{r} }

// query handles a simple query that the handler wants to see, or that comes after messages without a Sync,
// and FunctionCalls there.
func (r simple) query(frame []byte) error {
	if err := r.asking().drain(nil); err != nil {
		return err
	}
	if r.doomed() || frame[0] == 'F' || len(frame) == wire.HeaderSize || !r.handler.Wants(frame[wire.HeaderSize:len(frame)-1]) {
		return r.pass(frame)
	}
	text := string(frame[wire.HeaderSize : len(frame)-1])
	verdicts, refusal := r.asking().intercept(Query{Text: text, TxStatus: r.extended().status(), Pipelined: len(r.segment) > 0})
	if r.deaf {
		return r.extended().fail(refusal)
	}
	if refusal != nil {
		verdicts = []Verdict{{End: len(text), Action: Refuse, Err: refusal}}
	}
	r.asking().watch(verdicts)
	if !effective(verdicts) {
		return r.pass(frame)
	}
	parts := divide(verdicts)
	for _, v := range parts {
		if v == nil || v.Action != Local || len(r.segment) > 0 {
			return r.mixed(text, parts)
		}
	}
	return r.answerAll(parts)
}

// effective reports whether the verdicts ask for more than forwarding.
func effective(verdicts []Verdict) bool {
	for _, v := range verdicts {
		if v.Action != Pass || v.Bind != nil || v.Done != nil || v.Tag != "" || v.Keep != nil || v.Execute != nil || v.Executes != nil || v.Prepares != nil || v.Deallocates != "" || v.Portal != "" || v.Hint != "" {
			return true
		}
	}
	return false
}

// divide gives each statement of a text its verdict; nil: simply the server's.
// See Verdict.Of.
func divide(verdicts []Verdict) []*Verdict {
	parts := make([]*Verdict, max(verdicts[0].Of, len(verdicts)))
	for i := range verdicts {
		v := &verdicts[i]
		if v.Of == 0 {
			parts[i] = v
		} else if v.Index >= 0 && v.Index < len(parts) {
			parts[v.Index] = v
		}
	}
	return parts
}

// answerAll answers a text in which nothing is for the server, and to which nothing is outstanding
// there: it need not hear of it, unless it has something that a Query drops.
func (r simple) answerAll(parts []*Verdict) error {
	if r.counter.tx() == 'E' {
		return r.failQuery(&Error{Code: wire.CodeFailedTransaction, Message: pgtext.MessageFailedTransaction})
	}
	if r.unnamed {
		if err := r.asking().dropUnnamed(); err != nil {
			return err
		}
	}
	for _, v := range parts {
		w := &results{columns: v.Answer.Columns, describe: true, sink: r.client.send}
		a, tag, e := r.asking().produce(v.Answer, w, len(parts) > 1)
		if err := r.client.send(w.finish(tag, e)); err != nil {
			return err
		}
		if e != nil {
			return r.failQuery(e)
		}
		if a.Done != nil {
			r.callDone(a.Done)
		}
	}
	return r.readyAgain(nil)
}

// readyAgain ends a query that never reached the server.
func (r simple) readyAgain(before []byte) error {
	c := r.client
	if err := c.lock(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	status := r.counter.tx()
	if r.watched {
		if err := c.flush(before); err != nil {
			return err
		}
		r.asking().await(false, func(ctx context.Context) { before = r.beforeReady(ctx, status) })
	}
	if err := c.flush(wire.Append(before, &wire.ReadyForQuery{TxStatus: status})); err != nil {
		return err
	}
	if r.draining.Load() && status == 'I' {
		return wire.Fatal(wire.CodeAdminShutdown, messageShutdown, ErrShutdown)
	}
	return nil
}

// failQuery ends a query that never reached the server with an error. An open
// transaction fails on the server, too, and what a Query drops in a failed one is the server's to say.
func (r simple) failQuery(e *Error) error {
	if r.counter.tx() == 'I' {
		return r.readyAgain(wire.Append(nil, e))
	}
	return r.sendBatch(&batch{fail: map[int]*Error{0: e}}, poisonText)
}

// sendBatch sends a text in a query's place and follows its statements.
func (r simple) sendBatch(b *batch, text string) error {
	return r.passFor(item{kind: 'Q', batch: b}, wire.Append(nil, &wire.Query{String: text}))
}

// mixed handles a text with statements for the server. Answers of ours are made
// now, and given at their places: an error of ours fails the whole text there.
func (r simple) mixed(text string, parts []*Verdict) error {
	if v := parts[0]; len(parts) == 1 && v.Action == Refuse { // the server need not parse anything else
		return r.sendBatch(&batch{fail: map[int]*Error{0: v.Err}}, poisonText)
	}
	b := &batch{Edited: pgtext.Edited{Text: text}, directives: map[int]*directives{}, local: map[int]*answer{}, fail: map[int]*Error{}}
	kept := 0
	for i, v := range parts {
		if v == nil {
			continue
		}
		instead := placeholder
		switch {
		case v.Action == Replace:
			instead = v.Text
			fallthrough
		case v.Action == Pass:
			b.follow(i, v.directives())
		case len(b.fail) > 0: // the server does not get so far
		case v.Action == Local:
			r.answerIn(b, i, v.Answer, len(parts) > 1, maxAnswers-kept)
			kept += len(b.local[i].messages)
		default:
			b.fail[i] = v.Err
		}
		if v.Action == Refuse || b.fail[i] != nil {
			instead = poisonStatement
		}
		if v.Action != Pass {
			b.Edits = append(b.Edits, pgtext.Edit{Span: pgtext.Span{Start: v.Start, End: v.End}, Text: instead})
		}
	}
	return r.sendBatch(b, b.Apply())
}

// answerIn makes the answer of the i-th statement of a text, which may have so many bytes.
func (r simple) answerIn(b *batch, i int, a *Answer, others bool, most int) {
	w := &results{columns: a.Columns, describe: true}
	a, tag, e := r.asking().produce(a, w, others)
	b.local[i] = &answer{w.finish(tag, e), a.Done}
	if e == nil && len(b.local[i].messages) > most {
		e = &Error{Code: wire.CodeProgramLimit, Message: messageTooMuch}
		b.local[i].messages = nil
	}
	if e != nil {
		b.fail[i] = e
	}
}
