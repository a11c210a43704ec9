package proxy

import (
	"context"
	"strings"

	"github.com/jackc/pgproto3/v2"

	"mzproxy/rewrite/pgtext"
)

// Texts that make a server fail. The first is wrong in any grammar, the second
// only when its turn among other statements comes.
const (
	poisonText      = "REFUSED BY PROXY"
	poisonStatement = "SELECT 1/0"
	poisonName      = "refused by proxy" // of a prepared statement that is never made
)

// query handles a simple query that the handler wants to see.
func (r *requests) query(frame []byte) error {
	text := string(frame[headerSize : len(frame)-1])
	if err := r.settle(); err != nil {
		return err
	}
	verdicts, refusal := r.intercept(Query{Text: text, TxStatus: r.flow.tx()})
	if refusal != nil {
		verdicts = []Verdict{{End: len(text), Action: Refuse, Err: refusal}}
	}
	r.watch(verdicts)
	if !effective(verdicts) {
		r.note('Q')
		return r.forward(frame)
	}
	parts := divide(verdicts)
	r.dropUnnamed()
	for _, v := range parts {
		if !v.ours() {
			return r.mixed(text, parts)
		}
	}
	return r.answerAll(parts)
}

// ours reports whether the server does not get to see a statement.
func (v *Verdict) ours() bool {
	return v != nil && (v.Action == Local || v.Action == Refuse)
}

// effective reports whether the verdicts ask for more than forwarding.
func effective(verdicts []Verdict) bool {
	for _, v := range verdicts {
		if v.Action != Pass || v.Bind != nil || v.Execute != nil || v.Done != nil || v.Tag != "" || v.Keep != nil || v.Prepares != nil || v.Deallocates != "" {
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

// intercept asks the handler.
func (r *requests) intercept(q Query) (verdicts []Verdict, refusal *Error) {
	if v, ok := r.deallocate(q); ok {
		return v, nil
	}
	q.Kept, q.Ask = r.kept, r.ask
	r.await(false, func(ctx context.Context) {
		r.handling.Lock(r.task)
		defer r.handling.Unlock()
		var err error
		if verdicts, err = r.handler.Intercept(ctx, q); err != nil {
			refusal = r.refusal(ctx, err)
		}
	})
	return verdicts, r.unasked(refusal)
}

// watch makes the session watched if a verdict wants that.
func (r *requests) watch(verdicts []Verdict) {
	for _, v := range verdicts {
		if v.Watch || v.Done != nil {
			r.watchNow()
			return
		}
	}
}

func (r *requests) watchNow() {
	r.client.hold()
	r.watched = true
	r.client.mu.Unlock()
}

// answerAll answers a text in which nothing is for the server.
func (r *requests) answerAll(parts []*Verdict) error {
	if len(r.segment) > 0 { // a Query behind messages without a Sync
		return r.mixed("", parts)
	}
	status := r.flow.tx()
	for _, v := range parts {
		if v.Action == Refuse {
			return r.failQuery(nil, v.Err)
		}
		if status == 'E' {
			return r.failQuery(nil, failedTransaction())
		}
		w := &results{columns: v.Answer.Columns, describe: true, sink: r.client.send}
		tag, e := r.produce(v.Answer, w)
		if err := r.client.send(w.finish(tag, e)); err != nil {
			return err
		}
		if e != nil {
			return r.failQuery(nil, e)
		}
	}
	return r.readyAgain(nil)
}

// readyAgain ends a query that never reached the server.
func (r *requests) readyAgain(before []byte) error {
	c := r.client
	if err := c.lock(); err != nil {
		return err
	}
	defer c.mu.Unlock()
	status := r.flow.tx()
	if r.watched {
		if err := c.flush(before); err != nil {
			return err
		}
		r.await(false, func(ctx context.Context) { before = r.beforeReady(ctx, status) })
	}
	if err := c.flush(appendMessage(before, &pgproto3.ReadyForQuery{TxStatus: status})); err != nil {
		return err
	}
	if r.draining.Load() && status == 'I' {
		return fatal(CodeAdminShutdown, messageShutdown, ErrShutdown)
	}
	return nil
}

// failQuery gives the client an error in place of a whole query, or of what is
// left of it. An open transaction fails on the server, too.
func (r *requests) failQuery(before []byte, e *Error) error {
	if r.flow.tx() != 'T' && len(r.segment) == 0 {
		return r.readyAgain(appendMessage(before, e.response()))
	}
	return r.sendBatch(&batch{locals: map[int][]byte{0: before}, fail: map[int]*Error{0: e}}, poisonText)
}

// sendBatch sends a text in a query's place and follows its statements.
func (r *requests) sendBatch(b *batch, text string) error {
	if err := r.expect(item{kind: 'Q', batch: b}); err != nil {
		return err
	}
	r.count('Q')
	return r.forward(appendMessage(nil, &pgproto3.Query{String: text}))
}

// mixed handles a text with statements for the server. Answers of ours are made
// now, and given at their places: an error of ours fails the whole text there.
func (r *requests) mixed(text string, parts []*Verdict) error {
	b := &batch{edited: edited{text: text}, hooks: map[int]*hooks{}, locals: map[int][]byte{}, fail: map[int]*Error{}}
	n := 0 // statements for the server so far
	for _, v := range parts {
		if !v.ours() {
			r.wishes(b, n, v)
			n++
			continue
		}
		e := b.failureAfter()
		if e == nil {
			e = r.answerIn(b, n, v)
			if e != nil && n == 0 {
				return r.failQuery(b.locals[0], e)
			}
			if e != nil {
				b.fail[n] = e
				b.edits = append(b.edits, edit{v.Start, blankEnd(text, v), poisonStatement})
				continue
			}
		}
		b.blank(v)
	}
	b.silent = n == 0
	return r.sendBatch(b, b.edits.apply(text))
}

// answerIn makes the answer of a statement of ours behind n statements of the server.
func (r *requests) answerIn(b *batch, n int, v *Verdict) *Error {
	if v.Action == Refuse {
		return v.Err
	}
	if n == 0 && r.flow.tx() == 'E' {
		return failedTransaction()
	}
	w := &results{columns: v.Answer.Columns, describe: true}
	tag, e := r.produce(v.Answer, w)
	b.locals[n] = append(b.locals[n], w.finish(tag, e)...)
	return e
}

// wishes notes what a verdict wants of the server's n-th statement.
func (r *requests) wishes(b *batch, n int, v *Verdict) {
	if v == nil {
		return
	}
	if v.Action == Replace {
		b.edits = append(b.edits, edit{v.Start, v.End, v.Text})
	}
	if h := r.executing(v.hooks()); h.done != nil || h.tag != "" || h.makes != nil || h.drops != nil {
		b.hooks[n] = h
	}
}

// blank takes a statement of ours out of the text; what is behind it stays where it is.
func (b *batch) blank(v *Verdict) {
	if end := blankEnd(b.text, v); end > v.Start {
		b.edits = append(b.edits, edit{v.Start, end, strings.Repeat(" ", end-v.Start)})
	}
}

// blankEnd is the end of a statement without its semicolon.
func blankEnd(text string, v *Verdict) int {
	end := min(v.End, len(text))
	for end > v.Start && strings.IndexByte("; \t\r\n", text[end-1]) >= 0 {
		end--
	}
	return end
}

// failureAfter returns the failure that was planned, nil if none was.
func (b *batch) failureAfter() *Error {
	for _, e := range b.fail {
		return e
	}
	return nil
}

func failedTransaction() *Error {
	return &Error{Code: CodeFailedTransaction, Message: pgtext.MessageFailedTransaction}
}
