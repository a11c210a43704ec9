package intercept

import (
	"context"
	"time"

	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// preparedWrite is a write that was prepared, by SQL or by a message.
type preparedWrite struct {
	text  string // where its literals stand
	write *rewrite.Write
}

// prepare notes a write that is prepared with SQL. It is checked when it is executed;
// what its text tells is checked now.
func (h *handler) prepare(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	v, err := h.write(ctx, q, s)
	if err != nil || q.TxStatus == 'E' {
		return v, err
	}
	h.watchful()
	p := &preparedWrite{q.Text, s.Write}
	h.prepares(s.Name, p)
	b := &boundWrite{handler: h, source: q.Text, write: s.Write}
	return proxy.Verdict{Action: v.Action, Text: v.Text,
		Prepares: &proxy.Prepared{Name: s.Name, Bind: b.bind, Done: h.done(b.pending), Keep: p}}, nil
}

// deallocate notes that a name stands for nothing any more, or for nothing of ours; empty: all names.
func (h *handler) deallocate(name string) proxy.Verdict {
	if name == "" { // the proxy follows that by itself
		clear(h.preparing)
		h.cleared = true
		return proxy.Verdict{}
	}
	h.prepares(name, nil)
	return proxy.Verdict{Deallocates: name}
}

// prepares notes what a name of the text at hand stands for from here on.
func (h *handler) prepares(name string, p *preparedWrite) {
	if h.preparing == nil {
		h.preparing = map[string]*preparedWrite{}
	}
	h.preparing[name] = p
}

// prepared returns what a name stands for; nil: nothing of ours.
func (h *handler) prepared(q proxy.Query, name string) *preparedWrite {
	if p, said := h.preparing[name]; said || h.cleared || q.Kept == nil {
		return p
	}
	p, _ := q.Kept(name).(*preparedWrite)
	return p
}

// execute checks EXECUTE of a write that was prepared.
func (h *handler) execute(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	p := h.prepared(q, s.Name)
	if p == nil || q.TxStatus == 'E' {
		return proxy.Verdict{}, nil
	}
	sent := time.Now()
	args := make(arguments, len(s.Args))
	for i, v := range s.Args {
		args[i] = arguments(nil).resolve(v)
	}
	// Places in the text that prepared it are not places in this one.
	c, err := h.checkIn(ctx, q.Text, p.text, p.write, args)
	if err != nil {
		return proxy.Verdict{}, err
	}
	pending := c.pending(sent)
	v := proxy.Verdict{Done: h.done(func() pendingWrite { return pending })}
	var edits []pgtext.Edit
	for n, id := range c.params {
		if p.write.Elsewhere(n) {
			return proxy.Verdict{}, usedElsewhere(n, args[n-1].text, id)
		}
		if at := s.Args[n-1]; at.Kind == rewrite.Literal {
			edits = append(edits, pgtext.Edit{Span: at.Span, Text: pgtext.QuoteLiteral(id)})
		}
	}
	if len(edits) > 0 {
		v.Action = proxy.Replace
		v.Text = editSpan(q.Text, s.Span, edits)
	}
	return v, nil
}
