package mzsim

import (
	"strings"

	"mzproxy/rewrite"
)

// copy reads COPY (query) TO STDOUT and COPY [INTO] relation [(columns)] {FROM | TO} ...
func (st *statement) copy(p *parser) {
	p.expect("copy")
	if p.nextOp("(") {
		st.copyQuery(p)
		return
	}
	st.kind = kindInsert
	if p.accept("into") { // PostgreSQL does not know it
		st.text = "COPY " + p.text[p.at(0).Start:st.End]
	}
	p.qualified()
	p.balanced()
	switch {
	case p.accept("to"):
		p.fail("XX000", "named with COPY TO STDOUT unsupported")
	case !p.accept("from"):
		p.expected("one of FROM or TO")
	case p.at(0).Kind == rewrite.String:
		scheme, _, ok := strings.Cut(p.str(), "://")
		if ok && scheme != "http" && scheme != "https" {
			p.fail("XX000", "only 'http://' and 'https://' urls are supported as COPY FROM target, got '"+scheme+"://'")
		}
	default:
		p.copyOptions()
	}
	if p.err == nil {
		st.use()
		p.err = st.err
	}
}

// copyQuery reads (query) TO STDOUT [[WITH] (options)].
func (st *statement) copyQuery(p *parser) {
	start := p.pos + 1
	inner := p.balanced()
	if inner == "" {
		return
	}
	q := &parser{text: p.text, tokens: p.tokens[start : p.pos-1]}
	if q.next("subscribe") {
		st.kind = kindSubscribe
		st.watch(q.subscribe())
		st.subscribe.copy = true
		p.err = q.err
		p.expect("to", "stdout")
		return
	}
	st.kind = kindRead
	p.expect("to", "stdout")
	p.accept("with")
	p.balanced()
	p.end()
	if usage, err := rewrite.Relations(inner[1 : len(inner)-1]); err == nil {
		st.usage = usage
	}
}

// copyOptions reads STDIN [[WITH] (options)]. Rows come as text or CSV.
func (p *parser) copyOptions() {
	p.expect("stdin")
	p.accept("with")
	for i, t := range p.tokens[p.pos:] {
		if t.Is("binary") && i > 0 {
			p.fail("0A000", "COPY FROM BINARY not yet supported")
		}
	}
	p.balanced()
	p.end()
}
