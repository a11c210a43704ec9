package mzsim

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// cursor is a cursor that a session has declared. It lives until the end of its transaction. Those for queries are PostgreSQL's, too.
type cursor struct {
	statement *statement // begins with the first FETCH
	fetched   bool

	feed    *feed // of a SUBSCRIBE; nil: for another statement
	columns []proxy.Column
	ready   []change // polled, not fetched yet
	listed  bool
}

// fetch is what a FETCH statement asks for.
type fetch struct {
	count   int // rows at most; -1: all that are ready
	timeout time.Duration
	bounded bool // timeout is given: wait for count rows until then. Otherwise: wait for one row.
}

// cursor reads DECLARE, FETCH and CLOSE.
func (st *statement) cursor(p *parser) {
	switch {
	case p.accept("declare"):
		st.declare(p)
	case p.accept("close"):
		if st.kind = kindClose; p.next("all") { // is a name
			p.fail("34000", `cursor "\"all\"" does not exist`)
		}
		st.name = p.ident()
		p.end()
	case p.accept("fetch"):
		st.fetchStatement(p)
	}
}

// declare reads DECLARE name CURSOR [WITHOUT HOLD] FOR statement.
func (st *statement) declare(p *parser) {
	st.kind, st.tag, st.name = kindDeclare, "DECLARE CURSOR", p.ident()
	p.expect("cursor")
	if p.accept("with", "hold") {
		p.fail("42601", "WITH HOLD is unsupported for cursors")
	}
	p.accept("without", "hold")
	p.expect("for")
	if p.err != nil {
		return
	}
	if p.done() {
		p.expected("a keyword at the beginning of a statement")
		return
	}
	inner := rewrite.Piece{Span: pgtext.Span{Start: p.at(0).Start, End: st.End}, Tokens: p.tokens[p.pos:]}
	st.prepared = analyse(p.text, inner)
	p.err = st.prepared.err
	st.text = nothing // of a statement that PostgreSQL has no cursors for
	if query := st.prepared.query(); query != "" {
		st.text = "DECLARE " + pgtext.QuoteIdent(st.name) + " CURSOR FOR " + query
	} else if st.prepared.kind == kindShow {
		st.text = "DECLARE " + pgtext.QuoteIdent(st.name) + " CURSOR FOR " + st.prepared.text
	}
}

// fetchStatement reads FETCH [FORWARD] [count | ALL] [FROM | IN] name [WITH (TIMEOUT = '1s')].
func (st *statement) fetchStatement(p *parser) {
	st.kind, st.fetch = kindFetch, fetch{count: 1}
	start := p.pos
	p.accept("forward")
	if t := p.at(0); t.Kind == rewrite.Number {
		n, err := strconv.Atoi(t.Text)
		if err != nil {
			p.expected("number of rows")
		}
		st.fetch.count = n
		p.pos++
	} else if p.accept("all") {
		st.fetch.count = -1
	}
	if !p.accept("from") {
		p.accept("in")
	}
	st.name = p.ident()
	if p.next("with") {
		st.text = "FETCH " + p.text[p.tokens[start].Start:p.at(-1).End]
		p.accept("with")
		s := p.parenthesised([]option{{"timeout", textOption}})
		if value, ok := s["timeout"].(string); ok {
			d, err := parseTimeout(value)
			if err != nil {
				p.fail("22023", "invalid TIMEOUT: "+err.Error())
			}
			st.fetch.timeout, st.fetch.bounded = d, true
		}
	}
	p.end()
}

// parseTimeout reads durations such as 1s, 500ms, '1 second' or 2 (seconds).
func parseTimeout(value string) (time.Duration, error) {
	if i, ok := pgtext.ParseInterval(value); ok {
		if d, ok := i.Duration(); ok {
			return d, nil
		}
	}
	return 0, fmt.Errorf("invalid input syntax for type interval: %q", value)
}

func (h *session) cursor(name string) *cursor {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cursors[name]
}

// answerDeclare makes the cursor at once: the FETCH after it may stand in the same text.
func (h *session) answerDeclare(ctx context.Context, st *statement, v *proxy.Verdict, s state) answerFunc {
	refuse := func(err error) { v.Action, v.Err = proxy.Refuse, asError(err) }
	if h.cursor(st.name) != nil {
		refuse(&proxy.Error{Code: "42P03", Message: fmt.Sprintf("cursor %q already exists", st.name)})
		return nil
	}
	c := &cursor{statement: st.prepared}
	if st.prepared.kind == kindSubscribe {
		var err error
		if c.feed, c.columns, err = h.open(ctx, st.prepared, s.vars); err != nil {
			refuse(err)
			return nil
		}
	}
	h.mu.Lock()
	h.cursors[st.name] = c
	h.mu.Unlock()
	if c.feed == nil {
		v.Action, v.Text, v.Tag = proxy.Replace, st.text, st.tag
		return nil
	}
	v.Action, v.Answer = proxy.Local, &proxy.Answer{}
	return func(context.Context, *attempt, proxy.ResultWriter) (string, error) { return st.tag, nil }
}

// answerFetch fetches from a SUBSCRIBE, runs a write, or leaves a query to PostgreSQL.
func (h *session) answerFetch(st *statement, v *proxy.Verdict) answerFunc {
	c := h.cursor(st.name)
	switch inner := c.statement; {
	case c.feed != nil:
		v.Action, v.Answer = proxy.Local, &proxy.Answer{Columns: c.columns}
	case inner.kind == kindInsert || inner.kind == kindReadWrite:
		v.Action, v.Text, v.Tag = proxy.Replace, inner.sql(), inner.tag
		return nil
	case st.text != "":
		v.Action, v.Text = proxy.Replace, st.text
		return nil
	default:
		return nil
	}
	return func(ctx context.Context, a *attempt, w proxy.ResultWriter) (string, error) {
		if h.cursor(st.name) == nil {
			return "", &proxy.Error{Code: "34000", Message: fmt.Sprintf("cursor %q does not exist", st.name)}
		}
		if !c.fetched {
			c.fetched, c.listed = true, true
			if err := h.list(ctx, c.feed, a); err != nil {
				return "", err
			}
		}
		n, err := c.fetch(ctx, st.fetch, w)
		return fmt.Sprintf("FETCH %d", n), err
	}
}

// fetch sends rows: as many as are asked for, until the timeout, or else those that are ready once there is one.
func (c *cursor) fetch(ctx context.Context, f fetch, w proxy.ResultWriter) (int, error) {
	var deadline time.Time
	if f.bounded {
		deadline = time.Now().Add(f.timeout)
	}
	sent := 0
	for {
		for len(c.ready) > 0 && sent != f.count {
			if err := w.Row(c.feed.row(c.ready[0], c.feed.width)...); err != nil {
				return sent, err
			}
			c.ready = c.ready[1:]
			sent++
		}
		if sent == f.count || c.feed.ended || !f.bounded && sent > 0 {
			return sent, nil
		}
		var err error
		if c.ready, err = c.feed.wait(ctx, deadline); err != nil || len(c.ready) == 0 {
			return sent, err
		}
	}
}

func (h *session) answerClose(st *statement, v *proxy.Verdict) answerFunc {
	c := h.cursor(st.name)
	switch {
	case c.feed != nil:
		v.Action, v.Answer = proxy.Local, &proxy.Answer{}
		return func(context.Context, *attempt, proxy.ResultWriter) (string, error) {
			h.closeCursor(st.name)
			return "CLOSE CURSOR", nil
		}
	case c.statement.query() == "":
		v.Action, v.Text, v.Tag = proxy.Replace, nothing, "CLOSE CURSOR"
	}
	return nil
}

func (h *session) closeCursor(name string) {
	h.mu.Lock()
	c := h.cursors[name]
	delete(h.cursors, name)
	h.mu.Unlock()
	if c != nil && c.listed {
		h.unlist(c.feed)
	}
}

// closeCursors closes all at the end of a transaction.
func (h *session) closeCursors() {
	h.mu.Lock()
	var names []string
	for name := range h.cursors {
		names = append(names, name)
	}
	h.mu.Unlock()
	for _, name := range names {
		h.closeCursor(name)
	}
}
