package intercept

import (
	"bytes"
	"context"
	"time"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// write checks a write and decides what the server gets instead.
func (h *handler) write(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	if q.TxStatus == 'E' {
		return proxy.Verdict{}, nil // the server says so itself
	}
	sent := time.Now()
	c, err := h.check(ctx, q.Text, s.Write, nil)
	if err != nil {
		return proxy.Verdict{}, err
	}
	v := proxy.Verdict{Done: h.done(s.Write.Op, c.clusters(), sent)}
	edits := c.edits
	if touch, ok := s.Write.Touch(); ok {
		edits = append(edits, touch)
	}
	if len(edits) > 0 {
		v.Action = proxy.Replace
		v.Text = editSpan(q.Text, s.Span, edits)
	}
	if q.Extended {
		var bound []string // clusters of the latest Bind
		v.Done = func(tag string) { h.done(s.Write.Op, bound, time.Now())(tag) }
		v.Bind = func(ctx context.Context, b *proxy.Bind) error {
			var err error
			bound, err = h.bind(ctx, q.Text, s.Write, b)
			return err
		}
	}
	return v, nil
}

// editSpan makes edits and returns the part of the text that was the span.
func editSpan(text string, span rewrite.Span, edits []rewrite.Edit) string {
	shifted := make([]rewrite.Edit, len(edits))
	for i, e := range edits {
		e.Start -= span.Start
		e.End -= span.Start
		shifted[i] = e
	}
	return rewrite.Apply(span.Of(text), shifted)
}

// jsonbVersion is the byte in front of a jsonb value in binary format.
const jsonbVersion = 1

// bind checks a write with its parameters and puts ids in the place of
// cluster names.
func (h *handler) bind(ctx context.Context, text string, w *rewrite.Write, b *proxy.Bind) ([]string, error) {
	if b.TxStatus == 'E' {
		return []string{}, nil
	}
	args := make(arguments, len(b.Values))
	for i, value := range b.Values {
		if value == nil {
			args[i] = cell{null: true}
			continue
		}
		args[i] = cell{known: true, text: string(bytes.TrimPrefix(value, []byte{jsonbVersion}))}
	}
	c, err := h.check(ctx, text, w, args)
	if err != nil {
		return nil, err
	}
	for n, id := range c.params {
		b.Values[n-1] = []byte(id) // text is the same in both formats
		b.Changed = true
	}
	return c.clusters(), nil
}

// prepare notes a write that is prepared with SQL. It is checked when it is executed;
// what its text tells is checked now.
func (h *handler) prepare(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	v, err := h.write(ctx, q, s)
	if err != nil {
		return v, err
	}
	text := q.Text
	v.Bind = nil
	v.Done = func(string) {
		if h.texts == nil {
			h.texts = map[string]string{}
		}
		h.prepared[s.Name], h.texts[s.Name] = s, text
	}
	return v, nil
}

// execute checks EXECUTE of a write that was prepared.
func (h *handler) execute(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	prepared := h.prepared[s.Name]
	if prepared == nil || q.TxStatus == 'E' {
		return proxy.Verdict{}, nil
	}
	args := make(arguments, len(s.Args))
	for i, v := range s.Args {
		args[i] = arguments(nil).resolve(v)
	}
	// Places in the PREPARE's text are not places in this one.
	write := *prepared.Write
	c, err := h.checkIn(ctx, q.Text, h.texts[s.Name], &write, args)
	if err != nil {
		return proxy.Verdict{}, err
	}
	v := proxy.Verdict{Done: h.done(write.Op, c.clusters(), time.Now())}
	var edits []rewrite.Edit
	for n, id := range c.params {
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
