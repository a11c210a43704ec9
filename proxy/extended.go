package proxy

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/jackc/pgproto3/v2"
)

// A portal is a bound statement.
type portal struct {
	statement *statement
	formats   []int16  // one per column of the answer
	round     uint64   // when it was made; see flow.endedSince
	results   *results // what the answer has produced, once it ran
	tag       string
	asked     bool // whether it may be executed; see Verdict.Execute
}

// handle takes a message that consume left to it.
func (r *requests) handle(frame []byte) error {
	if r.skipping {
		return r.skipped(frame)
	}
	body := frame[headerSize:]
	switch frame[0] {
	case 'Q':
		return r.query(frame)
	case 'P':
		return r.parse(frame, body)
	case 'B':
		return r.bind(frame, body)
	case 'D':
		return r.describe(frame, body)
	case 'E':
		return r.execute(frame, body)
	case 'C':
		return r.closeObject(frame, body)
	}
	return r.pass(frame)
}

// pass forwards a message as it is.
func (r *requests) pass(frame []byte) error {
	r.note(frame[0])
	return r.forward(frame)
}

// skipped drops messages behind an error of ours, up to the Sync.
func (r *requests) skipped(frame []byte) error {
	switch frame[0] {
	case 'S':
		r.skipping, r.deaf = false, false
		return r.pass(frame)
	case 'X':
		return r.pass(frame)
	}
	return nil
}

// fail gives the client an error in place of the answer to an extended message.
// Where the server has work that must fail with it, a statement that cannot be
// parsed fails there, and the server's error is replaced.
func (r *requests) fail(e *Error) error {
	r.skipping = true
	if r.deaf {
		r.restart()
	}
	if r.deaf || len(r.segment) == 0 && r.flow.tx() != 'T' {
		err := r.answer('P', e.response())
		r.client.push() // as a server does not wait with an error
		return err
	}
	if err := r.expect(item{kind: 'P', fail: e}); err != nil {
		return err
	}
	r.count('P')
	return r.forward(appendMessage(nil, &pgproto3.Parse{Name: poisonName, Query: poisonText}))
}

// answer gives the client messages in the place of the server's answer.
func (r *requests) answer(kind byte, messages ...pgproto3.BackendMessage) error {
	var reply []byte
	for _, m := range messages {
		reply = appendMessage(reply, m)
	}
	return r.expect(item{kind: kind, local: true, reply: reply})
}

// failed reports whether the next statement of the session is in a failed transaction.
func (r *requests) failed() bool { return r.flow.tx() == 'E' && len(r.segment) == 0 }

func (r *requests) parse(frame, body []byte) error {
	var m pgproto3.Parse
	if m.Decode(body) != nil {
		return r.pass(frame) // the server knows best what is wrong
	}
	if err := r.settle(); err != nil {
		return err
	}
	if known := r.prepared(m.Name); known != nil {
		switch {
		case m.Name != "" && known.answer != nil:
			return r.fail(&Error{Code: CodeDuplicateStatement, Message: fmt.Sprintf(messageDuplicateStatement, m.Name)})
		case m.Name != "" && known.made.Load() > 0:
			return r.pass(frame) // the server says the same
		}
		r.dropStatement(m.Name)
	}
	var verdicts []Verdict
	if r.wants([]byte(m.Query)) {
		var refusal *Error
		verdicts, refusal = r.intercept(Query{Text: m.Query, Extended: true, Name: m.Name, TxStatus: r.flow.tx(), ParamOIDs: m.ParameterOIDs})
		if refusal != nil {
			return r.fail(refusal)
		}
	}
	r.watch(verdicts)
	local := effective(verdicts) && verdicts[0].Action == Local
	switch {
	case effective(verdicts) && verdicts[0].Action == Refuse:
		return r.fail(verdicts[0].Err)
	case local && r.failed():
		return r.fail(failedTransaction())
	case !effective(verdicts):
		return r.pass(frame)
	}
	v := verdicts[0]
	if local {
		r.keepStatement(m.Name, &statement{answer: v.Answer})
		return r.answer('P', &pgproto3.ParseComplete{})
	}
	s := &statement{hooks: v.hooks(), bind: v.Bind, execute: v.Execute, kept: v.Keep, oids: slices.Clone(m.ParameterOIDs)}
	if v.Action == Replace {
		s.hooks.edited = edited{m.Query, edits{{v.Start, v.End, v.Text}}}
		m.Query = s.hooks.edits.apply(m.Query)
		frame = appendMessage(nil, &m)
	}
	r.keepStatement(m.Name, s)
	return r.sendFor(item{kind: 'P', hooks: s.hooks, statement: s}, frame)
}

// sendFor forwards a message about a statement with wishes.
func (r *requests) sendFor(it item, frame []byte) error {
	if err := r.expect(it); err != nil {
		return err
	}
	r.count(it.kind)
	return r.forward(frame)
}

func (r *requests) bind(frame, body []byte) error {
	m, ok := decodeBind(body)
	if !ok {
		return r.pass(frame)
	}
	if err := r.settle(); err != nil {
		return err
	}
	s := r.prepared(m.PreparedStatement)
	if old := r.portals[m.DestinationPortal]; old != nil {
		if m.DestinationPortal != "" && s != nil && s.answer != nil && !r.flow.endedSince(old.round) {
			return r.fail(&Error{Code: "42P03", Message: fmt.Sprintf("cursor %q already exists", m.DestinationPortal)})
		}
		delete(r.portals, m.DestinationPortal)
	}
	switch {
	case s == nil:
		return r.pass(frame)
	case s.answer != nil:
		return r.bindAnswer(s, m)
	}
	if s.bind != nil {
		changed, refusal := r.askBind(s, m)
		if refusal != nil {
			return r.fail(refusal)
		}
		if changed {
			frame = appendMessage(nil, m)
		}
	}
	r.keepPortal(m.DestinationPortal, &portal{statement: s, round: r.flow.round()})
	return r.sendFor(item{kind: 'B', hooks: s.hooks}, frame)
}

// askBind shows the parameters to the statement's verdict.
func (r *requests) askBind(s *statement, m *pgproto3.Bind) (changed bool, refusal *Error) {
	formats, ok := expandFormats(m.ParameterFormatCodes, len(m.Parameters))
	if !ok {
		return false, nil // the server refuses it
	}
	b := &Bind{TxStatus: r.flow.tx(), ParamOIDs: s.oids, Formats: formats, Values: m.Parameters, Ask: r.ask}
	r.await(false, func(ctx context.Context) {
		r.handling.Lock(r.task)
		defer r.handling.Unlock()
		if err := s.bind(ctx, b); err != nil {
			refusal = r.refusal(ctx, err)
		}
	})
	m.ParameterFormatCodes, m.Parameters = b.Formats, b.Values
	return b.Changed, r.unasked(refusal)
}

// askExecute asks the statement's verdict whether a portal may begin.
func (r *requests) askExecute(p *portal) (refusal *Error) {
	if p.statement.execute == nil || p.asked {
		return nil
	}
	p.asked = true
	r.await(false, func(ctx context.Context) {
		r.handling.Lock(r.task)
		defer r.handling.Unlock()
		if err := p.statement.execute(ctx); err != nil {
			refusal = r.refusal(ctx, err)
		}
	})
	return refusal
}

func (r *requests) bindAnswer(s *statement, m *pgproto3.Bind) error {
	if r.failed() {
		return r.fail(failedTransaction())
	}
	if got, want := len(m.Parameters), len(s.answer.ParamOIDs); got != want {
		return r.fail(&Error{Code: CodeProtocolViolation, Message: fmt.Sprintf(
			"bind message supplies %d parameters, but prepared statement %q requires %d", got, m.PreparedStatement, want)})
	}
	formats, ok := expandFormats(m.ResultFormatCodes, len(s.answer.Columns))
	if !ok {
		return r.fail(&Error{Code: CodeProtocolViolation, Message: fmt.Sprintf(
			"bind message has %d result formats but query has %d columns", len(m.ResultFormatCodes), len(s.answer.Columns))})
	}
	r.keepPortal(m.DestinationPortal, &portal{statement: s, formats: formats, round: r.flow.round()})
	return r.answer('B', &pgproto3.BindComplete{})
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

func (r *requests) describe(frame, body []byte) error {
	name, _, _ := cstring(body[1:])
	if err := r.settle(); err != nil {
		return err
	}
	if body[0] == 'S' {
		s := r.prepared(string(name))
		switch {
		case s == nil || s.answer == nil:
			return r.pass(frame)
		case r.failed():
			return r.fail(failedTransaction())
		}
		return r.answer('D', &pgproto3.ParameterDescription{ParameterOIDs: s.answer.ParamOIDs}, describeRows(s.answer.Columns, nil))
	}
	p, err := r.portal(string(name))
	switch {
	case err != nil:
		return r.fail(err)
	case p == nil:
		return r.pass(frame)
	case r.failed():
		return r.fail(failedTransaction())
	}
	return r.answer('D', describeRows(p.statement.answer.Columns, p.formats))
}

// portal returns a portal of ours; nil: the name is none of ours.
func (r *requests) portal(name string) (*portal, *Error) {
	p := r.portals[name]
	if p == nil || p.statement.answer == nil {
		return nil, nil
	}
	if r.flow.endedSince(p.round) {
		delete(r.portals, name)
		return nil, &Error{Code: CodeInvalidCursorName, Message: fmt.Sprintf(messageUnknownPortal, name)}
	}
	return p, nil
}

func (r *requests) execute(frame, body []byte) error {
	name, rest, _ := cstring(body)
	if len(rest) != 4 {
		return r.pass(frame)
	}
	if err := r.settle(); err != nil {
		return err
	}
	if p := r.portals[string(name)]; p != nil && p.statement.answer == nil && !r.flow.endedSince(p.round) {
		if refusal := r.askExecute(p); refusal != nil {
			return r.fail(refusal)
		}
		return r.sendFor(item{kind: 'E', hooks: r.executing(p.statement.hooks)}, frame)
	}
	p, refusal := r.portal(string(name))
	switch {
	case refusal != nil:
		return r.fail(refusal)
	case p == nil:
		return r.pass(frame)
	case r.failed():
		return r.fail(failedTransaction())
	}
	return r.runPortal(p, int(int32(binary.BigEndian.Uint32(rest))))
}

// runPortal executes a portal of ours, at most limit rows of it if limit is positive.
func (r *requests) runPortal(p *portal, limit int) error {
	if p.results == nil {
		r.watchNow() // prepared long ago, perhaps
		w := &results{columns: p.statement.answer.Columns, formats: p.formats, limited: limit > 0}
		if limit <= 0 && len(r.segment) == 0 {
			w.sink = r.client.send
		}
		tag, e := r.produce(p.statement.answer, w)
		p.results, p.tag = w, tag
		if e != nil {
			if err := r.expect(item{kind: 'E', local: true, reply: w.finish("", e)}); err != nil {
				return err
			}
			return r.fail(e)
		}
	}
	rows, done := p.results.take(limit)
	switch {
	case !done:
		rows = appendMessage(rows, &pgproto3.PortalSuspended{})
	case p.results.copying:
		rows = appendMessage(rows, &pgproto3.CopyDone{})
		p.results.copying = false
		fallthrough
	default:
		rows = appendMessage(rows, &pgproto3.CommandComplete{CommandTag: []byte(p.tag)})
	}
	return r.expect(item{kind: 'E', local: true, reply: rows})
}

func (r *requests) closeObject(frame, body []byte) error {
	name, _, _ := cstring(body[1:])
	if err := r.settle(); err != nil {
		return err
	}
	local := false
	if body[0] == 'S' {
		s := r.statements[string(name)]
		local = s != nil && s.answer != nil
		r.dropStatement(string(name))
	} else {
		p := r.portals[string(name)]
		local = p != nil && p.statement.answer != nil
		delete(r.portals, string(name))
	}
	if !local {
		return r.pass(frame)
	}
	return r.answer('C', &pgproto3.CloseComplete{})
}
