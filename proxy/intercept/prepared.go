package intercept

import (
	"context"
	"time"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// preparedWrite is a write that was prepared with SQL.
type preparedWrite struct {
	text  string // of the PREPARE
	write *rewrite.Write
}

// prepare notes a write that is prepared with SQL. It is checked when it is executed;
// what its text tells is checked now.
func (h *handler) prepare(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	v, err := h.write(ctx, q, s)
	if err != nil {
		return v, err
	}
	p := &preparedWrite{q.Text, s.Write}
	if h.preparing == nil {
		h.preparing = map[string]*preparedWrite{}
	}
	h.preparing[s.Name] = p
	noting := h.noting(func() {
		h.watchful()
		h.prepared[s.Name] = p
	}, nil)
	v.Bind, v.Done = nil, noting.Done
	return v, nil
}

// execute checks EXECUTE of a write that was prepared, here or in the same text.
func (h *handler) execute(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	p := h.preparing[s.Name]
	if p == nil {
		p = h.prepared[s.Name]
	}
	if p == nil || q.TxStatus == 'E' {
		return proxy.Verdict{}, nil
	}
	sent := time.Now()
	args := make(arguments, len(s.Args))
	for i, v := range s.Args {
		args[i] = arguments(nil).resolve(v)
	}
	// Places in the PREPARE's text are not places in this one.
	c, err := h.checkIn(ctx, q.Text, p.text, p.write, args)
	if err != nil {
		return proxy.Verdict{}, err
	}
	pending := c.pending(sent)
	v := proxy.Verdict{Done: h.done(func() pendingWrite { return pending })}
	var edits []rewrite.Edit
	for n, id := range c.params {
		if p.write.Elsewhere(n) {
			return proxy.Verdict{}, usedElsewhere(n, args[n-1].text, id)
		}
		if at := s.Args[n-1]; at.Kind == rewrite.Literal {
			edits = append(edits, rewrite.Edit{Span: at.Span, Text: rewrite.QuoteLiteral(id)})
		}
	}
	if len(edits) > 0 {
		v.Action = proxy.Replace
		v.Text = editSpan(q.Text, s.Span, edits)
	}
	return v, nil
}
