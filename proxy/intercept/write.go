package intercept

import (
	"context"
	"fmt"
	"time"

	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// write decides about a write that is executed, or prepared by a message.
func (h *handler) write(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	v, p, err := h.checkedWrite(ctx, q, s)
	if err != nil || q.TxStatus == 'E' || !q.Extended {
		return v, err
	}
	b := &boundWrite{handler: h, text: q.Text, preparedWrite: p}
	v.Bind = b.bind
	v.Done = h.done(b.pending)
	if q.Name != "" {
		h.watchful()
		v.Keep = p
	}
	return v, nil
}

// checkedWrite checks a write and decides what the server gets instead.
func (h *handler) checkedWrite(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, *preparedWrite, error) {
	if q.TxStatus == 'E' {
		return proxy.Verdict{}, nil, nil // the server says so itself
	}
	sent := time.Now()
	c, err := h.check(ctx, q.Text, s.Write, nil)
	if err != nil {
		return proxy.Verdict{}, nil, err
	}
	pending := c.pending(sent)
	v := proxy.Verdict{Done: h.done(func() pendingWrite { return pending })}
	if s.Write.Unclear {
		h.late = append(h.late, h.settings.filter([]*proxy.Notice{namesNotUnderstood()})...)
	}
	edits := c.edits
	if touch, ok := s.Write.Touch(); ok && !h.observed().value.snapshot.Undated {
		edits = append(edits, touch)
	}
	if len(edits) > 0 {
		v.Action = proxy.Replace
		v.Text = editSpan(q.Text, s.Span, edits)
	}
	return v, &preparedWrite{q.Text, s.Write, &c.now}, nil
}

// done notes a write that the server has executed.
func (h *handler) done(write func() pendingWrite) func(string) {
	return func(string) {
		h.written++
		h.executed = append(h.executed, func() { h.open = append(h.open, write()) })
	}
}

// editSpan makes edits and returns the part of the text that was the span.
func editSpan(text string, span pgtext.Span, edits []pgtext.Edit) string {
	shifted := make([]pgtext.Edit, len(edits))
	for i, e := range edits {
		e.Start -= span.Start
		e.End -= span.Start
		shifted[i] = e
	}
	return pgtext.Apply(span.Of(text), shifted)
}

// boundWrite is a write of the extended protocol, and what was bound to it in the transaction
// at hand: of several Binds in a pipeline, each may have been executed.
type boundWrite struct {
	*handler
	*preparedWrite
	text  string // what positions count in
	since []pendingWrite
}

// bind checks the write with its parameters and puts ids in the place of
// cluster names.
func (w *boundWrite) bind(ctx context.Context, b *proxy.Bind) error {
	defer w.self.during(b.Ask)()
	err := w.checkBound(ctx, b)
	w.metrics.refusal(err)
	return w.discreet(err)
}

func (w *boundWrite) checkBound(ctx context.Context, b *proxy.Bind) error {
	if b.TxStatus == 'E' {
		return nil
	}
	w.facts.begin(b.TxStatus, b.Pipelined)
	sent := time.Now()
	args := boundArguments(b)
	c, err := w.checkIn(ctx, w.text, w.preparedWrite, args)
	if err != nil {
		return err
	}
	for n, id := range c.params {
		if w.preparedWrite.write.Elsewhere(n) {
			return usedElsewhere(n, args[n-1].text, id)
		}
		b.Values[n-1] = []byte(id) // text is the same in both formats
		b.Changed = true
	}
	if len(w.since) == 0 {
		w.bound = append(w.bound, w)
	}
	w.since = append(w.since, c.pending(sent))
	return nil
}

// usedElsewhere refuses a cluster's name that cannot be replaced by its id.
func usedElsewhere(param int, name, id string) error {
	return &proxy.Error{Code: wire.CodeFeatureNotSupported, Message: fmt.Sprintf("parameter $%d names a cluster and is used for something else, too", param),
		Detail: fmt.Sprintf("%s stands for the cluster's id, %s, which would take its place everywhere.", quoted(name), quoted(id)),
		Hint:   "Use two parameters, or the cluster's id."}
}

// pending is all that may have been written.
func (w *boundWrite) pending() pendingWrite {
	p := pendingWrite{op: w.preparedWrite.write.Op, clusters: []string{}, types: []string{}, sent: time.Now()}
	for _, one := range w.since {
		p = p.with(one)
	}
	return p
}

// with is both writes together.
func (p pendingWrite) with(other pendingWrite) pendingWrite {
	if p.clusters != nil {
		p.clusters = append(p.clusters, other.clusters...)
	}
	if other.clusters == nil {
		p.clusters = nil
	}
	if p.types != nil {
		p.types = append(p.types, other.types...)
	}
	if other.types == nil {
		p.types = nil
	}
	p.gone = append(p.gone, other.gone...)
	p.wrote = append(p.wrote, other.wrote...)
	if other.sent.Before(p.sent) {
		p.sent = other.sent
	}
	return p
}

// clearBound forgets what was bound in a transaction that is over.
func (h *handler) clearBound() {
	for _, w := range h.bound {
		w.since = nil
	}
	h.bound = nil
}
