package proxy

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mzproxy/proxy/wire"
	"mzproxy/rewrite/pgtext"
)

// placeholder is what the server has in the place of a statement of ours. It can
// be prepared, bound, described and executed in every state of a transaction but a
// failed one, changes nothing and needs nothing: PostgreSQL and Materialize have it.
const placeholder = "SHOW integer_datetimes"

// extended is what the client asks for by the extended protocol.
type extended struct{ *requests }

func (r *requests) extended() extended { return extended{r} }

// fail gives the client an error in place of the answer to an extended message: a
// statement that cannot be parsed fails on the server, and its error is replaced. The server
// skips the rest.
func (r extended) fail(e *Error) error { return r.failParse(poisonName, e) }

// failParse makes the Parse message of a name fail.
func (r extended) failParse(name string, e *Error) error {
	if r.deaf {
		r.deaf = false
		return r.client.send(wire.Append(nil, e))
	}
	if r.doomed() { // the client has an error already
		return nil
	}
	r.track(item{kind: 'P', name: name, fail: e})
	r.count('P')
	r.poisoned = true
	return r.forward(wire.Append(nil, &wire.Parse{Name: name, Query: poisonText}))
}

// status is the transaction status for the next statement, as far as it is known.
func (r extended) status() byte {
	status := r.counter.tx()
	if status == 'E' && slices.Contains(r.segment, 'E') { // a failed transaction lets nothing be executed but its end
		return 'T'
	}
	return status
}

func (r extended) parse(frame, body []byte) error {
	m, ok := wire.DecodeParse(body)
	if !ok {
		return r.pass(frame) // the server knows best what is wrong
	}
	verdicts, refusal := r.asking().intercept(Query{Text: m.Query, Extended: true, Name: m.Name, TxStatus: r.status(), Pipelined: len(r.segment) > 0, ParamOIDs: m.ParameterOIDs})
	r.asking().watch(verdicts)
	switch {
	case r.doomed() && !r.deaf: // meanwhile
		return r.pass(frame)
	case refusal != nil:
		return r.failParse(m.Name, refusal)
	case !effective(verdicts) || verdicts[0].Of > 1: // the server takes one statement only
		return r.pass(frame)
	}
	v := verdicts[0]
	s := v.statement()
	switch v.Action {
	case Refuse:
		return r.failParse(m.Name, v.Err)
	case Local:
		m.Query = placeholder
		m.ParameterOIDs = declared(m.ParameterOIDs, v.Answer.ParamOIDs)
		frame = wire.Append(nil, m)
	case Replace:
		s.Edited = pgtext.Edited{Text: m.Query, Edits: []pgtext.Edit{{Span: pgtext.Span{Start: v.Start, End: v.End}, Text: v.Text}}}
		m.Query = s.Apply()
		frame = wire.Append(nil, m)
	}
	s.oids = slices.Clone(m.ParameterOIDs)
	return r.passFor(item{kind: 'P', name: m.Name, statement: s}, frame)
}

// declared are the types of parameters: those that the client declares, and others as they are.
func declared(client, own []uint32) []uint32 {
	types := slices.Clone(own)
	for i, oid := range client {
		if i == len(types) {
			return append(types, client[i:]...)
		}
		if oid != 0 {
			types[i] = oid
		}
	}
	return types
}

// statement is what a verdict says about a prepared statement.
func (v *Verdict) statement() *statement {
	s := &statement{directives: v.directives(), bind: v.Bind, execute: v.Execute, executes: v.Executes, kept: v.Keep}
	if v.Action == Local {
		s.answer = v.Answer
	}
	return s
}

// directives are what a verdict wants of its statement's execution.
func (v *Verdict) directives() directives {
	h := directives{tag: v.Tag, done: v.Done, deallocates: v.Deallocates, portal: v.Portal, hint: v.Hint}
	if p := v.Prepares; p != nil {
		h.prepares, h.prepared = p.Name, &statement{directives: directives{done: p.Done}, answer: p.Answer, bind: p.Bind, kept: p.Keep}
	}
	return h
}

// known is what a prepared statement's name stands for where the next message is.
func (r extended) known(name string) (s *statement) {
	r.asks(func(b *books) bool { s = b.statement(name); return true })
	return s
}

func (r extended) bind(frame, body []byte) error {
	m, ok := wire.DecodeBind(body)
	if !ok {
		return r.pass(frame)
	}
	if r.asks(func(b *books) bool { return len(b.items) >= maxScript }) {
		if err := r.asking().drain(nil); err != nil {
			return err
		}
	}
	if m.PreparedStatement == "" && r.asks((*books).dropUnnamed) { // let it be gone, whatever the server
		if err := r.asking().closeUnnamed(); err != nil {
			return err
		}
	}
	s := r.known(m.PreparedStatement)
	if s == nil || r.doomed() {
		return r.pass(frame)
	}
	p := &portal{statement: s, answer: s.answer, formats: m.ResultFormatCodes}
	if s.executes != nil {
		if target := r.known(s.executes.Name); target != nil {
			p.answer = target.answer
		}
	}
	it := item{kind: 'B', name: m.DestinationPortal, portal: p}
	changed := false
	if s.bind != nil {
		var refusal *Error
		if changed, refusal = r.askBind(s, m); refusal != nil {
			return r.refuseBind(s, m.PreparedStatement, refusal, frame)
		}
	}
	if p.answer != nil {
		it.fail = p.bound(m, s.oids)
		if it.fail == nil {
			m.ResultFormatCodes, changed = nil, true
		}
	}
	if changed {
		frame = wire.Append(nil, m)
	}
	return r.passFor(it, frame)
}

// refuseBind refuses a Bind message, unless its statement is gone by the time that the server gets to it.
func (r extended) refuseBind(s *statement, name string, refusal *Error, frame []byte) error {
	if err := r.asking().drain(nil); err != nil {
		return err
	}
	if r.doomed() {
		return r.pass(frame)
	}
	if r.known(name) != s {
		return r.handle(frame)
	}
	return r.fail(refusal)
}

// askBind shows the parameters to the statement's verdict.
func (r extended) askBind(s *statement, m *wire.Bind) (changed bool, refusal *Error) {
	formats, ok := expandFormats(m.ParameterFormatCodes, len(m.Parameters))
	if !ok {
		return false, nil // the server refuses it
	}
	b := &Bind{TxStatus: r.status(), Pipelined: len(r.segment) > 0, ParamOIDs: s.oids, Formats: formats, Values: m.Parameters, Ask: r.asking().ask}
	refusal = r.asking().consult(func(ctx context.Context) error { return s.bind(ctx, b) })
	m.ParameterFormatCodes, m.Parameters = b.Formats, b.Values
	return b.Changed, refusal
}

// bound lets the answer of a portal of ours have the parameters. An error is what the client sees of the server's
// when the result formats do not fit: those that we have fit the placeholder even less.
func (p *portal) bound(m *wire.Bind, oids []uint32) *Error {
	if _, ok := expandFormats(m.ResultFormatCodes, len(p.answer.Columns)); !ok {
		return &Error{Code: wire.CodeProtocolViolation, Message: fmt.Sprintf(
			"bind message has %d result formats but query has %d columns", len(m.ResultFormatCodes), len(p.answer.Columns))}
	}
	if formats, ok := expandFormats(m.ParameterFormatCodes, len(m.Parameters)); ok && p.answer.Bound != nil && len(m.Parameters) == len(oids) {
		p.answer = p.answer.Bound(Bind{ParamOIDs: oids, Formats: formats, Values: slices.Clone(m.Parameters)})
	}
	return nil
}

// expandFormats gives each of n values its format code: none mean text, one
// counts for all.
func expandFormats(codes []int16, n int) ([]int16, bool) {
	formats := make([]int16, n)
	switch len(codes) {
	case 0:
	case 1:
		for i := range formats {
			formats[i] = codes[0]
		}
	case n:
		copy(formats, codes)
	default:
		return nil, false
	}
	for _, f := range formats {
		if f != 0 && f != 1 {
			return nil, false
		}
	}
	return formats, true
}

func (r extended) execute(frame, body []byte) error {
	name, rest, _ := wire.CutString(body)
	var p *portal
	r.asks(func(b *books) bool { p = b.portal(string(name)); return true })
	if p == nil || len(rest) != 4 {
		return r.pass(frame)
	}
	it := item{kind: 'E', name: string(name), prepares: p.prepares, prepared: p.prepared}
	if p.executes != nil {
		if err := r.asking().drain(nil); err != nil || r.doomed() { // the name may mean something else by now
			return firstOf(err, func() error { return r.pass(frame) })
		}
		if refusal := r.askExecuted(p); refusal != nil {
			return r.fail(refusal)
		}
	}
	if p.execute != nil && !p.asked { // not again for more of its rows
		p.asked = true
		if refusal := r.asking().consult(p.execute); refusal != nil {
			return r.fail(refusal)
		}
	}
	if p.answer == nil {
		return r.passFor(it, frame)
	}
	it.ours = true
	r.track(it)
	r.count('E')
	if err := r.asking().drain(slices.Clone(frame)); err != nil || r.doomed() {
		return err // the client has the server's error
	}
	return r.runPortal(p, int(int32(binary.BigEndian.Uint32(rest))))
}

// askExecuted asks about the statement that SQL's EXECUTE runs.
func (r extended) askExecuted(p *portal) *Error {
	x := p.executes
	var kept any
	target := r.known(x.Name)
	if target != nil {
		kept = target.kept
	}
	return r.asking().consult(func(ctx context.Context) error {
		a, err := x.Check(ctx, kept)
		if p.answer = nil; target != nil && target.answer != nil {
			p.answer = cmp.Or(a, target.answer)
		}
		return err
	})
}

// firstOf is err, or what f returns.
func firstOf(err error, f func() error) error {
	if err != nil {
		return err
	}
	return f()
}

// runPortal gives the client rows of a portal of ours, at most limit if that is positive, now that the
// server has come to its placeholder.
func (r extended) runPortal(p *portal, limit int) error {
	if p.results == nil {
		r.asking().watchNow() // prepared long ago, perhaps
		formats, _ := expandFormats(p.formats, len(p.answer.Columns))
		p.results = &results{columns: p.answer.Columns, formats: formats, limited: limit > 0}
		if limit <= 0 {
			p.results.sink = r.client.send
		}
		p.answer, p.tag, p.err = r.asking().produce(p.answer, p.results, false)
		if p.err == nil && p.answer.Done != nil {
			r.callDone(p.answer.Done)
		}
	}
	rows, n, done := p.results.take(limit)
	switch {
	case !done:
		rows = wire.Append(rows, &wire.PortalSuspended{})
	case p.err != nil:
		if err := r.client.send(rows); err != nil {
			return err
		}
		return r.fail(p.err)
	case p.results.copying:
		rows = wire.Append(rows, &wire.CopyDone{})
		p.results.copying = false
		fallthrough
	default:
		rows = wire.Append(rows, &wire.CommandComplete{CommandTag: []byte(p.complete(n))})
	}
	p.began = true
	return r.client.send(rows)
}

// complete is the tag where a portal comes to its end with so many rows: the server counts those of the last
// Execute only.
func (p *portal) complete(rows int) string {
	if verb, _, ok := strings.Cut(p.tag, " "); ok && p.began && verb == "SELECT" {
		return "SELECT " + strconv.Itoa(rows)
	}
	return p.tag
}
