package intercept

import (
	"context"
	"fmt"
	"strings"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// A deferred command waits for the COMMIT of its transaction block. Commands that change something follow the server's
// rule for DDL: alone, or as the only statement of a transaction block, where it is acknowledged at once and
// done when that commits.
type deferred struct {
	name string
	do   func(ctx context.Context, w proxy.ResultWriter) (string, error)
}

// tagOf is the tag with which a command that changes something is acknowledged; "": it changes nothing.
func tagOf(c rewrite.Command) string {
	switch c.(type) {
	case rewrite.ApplyStrategies:
		return "SELECT 0"
	case rewrite.PauseStrategies:
		return "PAUSE"
	case rewrite.ResumeStrategies:
		return "RESUME"
	case rewrite.ResetState:
		return "RESET"
	}
	return ""
}

// inPlace makes an answer mind what stands beside its command: those of what changes something are given alone, and
// others say what they do not show.
func (h *handler) inPlace(c rewrite.Command, a *proxy.Answer, writes bool) *proxy.Answer {
	tag := tagOf(c)
	a.At = func(p proxy.Place) (*proxy.Answer, error) {
		switch {
		case h.deferred != nil:
			return nil, singleStatement("")
		case tag == "":
			return h.withoutOwn(c, a, writes), nil
		case p.Others:
			return nil, &proxy.Error{Code: codeInTransaction, Message: c.Name() + " cannot be run inside a transaction block",
				Hint: "It may be the only statement of a transaction."}
		case p.Explicit:
			return h.later(c, a, tag), nil
		}
		return a, nil
	}
	return a
}

// later acknowledges a command that is done at the COMMIT.
func (h *handler) later(c rewrite.Command, a *proxy.Answer, tag string) *proxy.Answer {
	acknowledged := *a
	acknowledged.Run = func(_ context.Context, w proxy.ResultWriter) (string, error) {
		h.deferred = &deferred{c.Name(), a.Run}
		h.deferring.Store(true)
		return tag, nil
	}
	return &acknowledged
}

// withoutOwn lets the answer of a command that shows something say that it does not show what the
// transaction itself has written.
func (h *handler) withoutOwn(c rewrite.Command, a *proxy.Answer, writes bool) *proxy.Answer {
	if !writes && len(h.open) == 0 && h.written == 0 || !showsStored(c) {
		return a
	}
	told := *a
	told.Run = func(ctx context.Context, w proxy.ResultWriter) (string, error) {
		for _, n := range h.settings.warnings([]*proxy.Notice{notice(severityNotice, codeOK, "what this transaction has written does not count yet", "", "COMMIT makes it count.")}) {
			if err := w.Notice(n); err != nil {
				return "", err
			}
		}
		return a.Run(ctx, w)
	}
	return &told
}

// showsStored tells whether a command shows what is stored, or what follows from that.
func showsStored(c rewrite.Command) bool {
	switch c.(type) {
	case rewrite.ExplainStrategy, rewrite.ShowStrategies, rewrite.ShowStatus, rewrite.ValidateStrategies:
		return true
	}
	return false
}

// beside refuses statements beside a deferred command, but for the end of its transaction, and SHOW of the server's.
func (h *handler) beside(statements []rewrite.Statement, text string) error {
	for i := range statements {
		s := &statements[i]
		first, _, _ := strings.Cut(strings.ToLower(s.Of(text)), " ")
		switch {
		case s.Kind == rewrite.IsEnd && len(statements) == 1:
		case first == "show" && s.Kind == rewrite.Other:
		default:
			return singleStatement("")
		}
	}
	return nil
}

func singleStatement(detail string) *proxy.Error {
	return &proxy.Error{Code: codeActiveTransaction, Message: "this transaction can only execute a single statement", Detail: detail}
}

// Commit implements proxy.Committer.
func (h *handler) Commit(ctx context.Context, p proxy.Place) error {
	d := h.deferred
	h.drop()
	switch {
	case d == nil:
		return nil
	case p.Others:
		return singleStatement(d.name + " was not done; what else the transaction did is committed.")
	}
	w := &told{}
	if _, err := d.do(ctx, w); err != nil {
		return err
	}
	h.late = append(h.late, w.notices...)
	return nil
}

// drop forgets what was deferred: its transaction is over.
func (h *handler) drop() {
	h.deferred = nil
	h.deferring.Store(false)
}

// told is a ResultWriter that makes notices of rows.
type told struct{ notices []*proxy.Notice }

var _ proxy.ResultWriter = (*told)(nil)

// Row implements proxy.ResultWriter.
func (w *told) Row(values ...*string) error {
	var parts []string
	for _, v := range values {
		if v != nil && *v != "" {
			parts = append(parts, *v)
		}
	}
	w.notices = append(w.notices, notice(severityNotice, codeOK, strings.Join(parts, ", "), "", ""))
	return nil
}

// Notice implements proxy.ResultWriter.
func (w *told) Notice(n *proxy.Notice) error {
	w.notices = append(w.notices, n)
	return nil
}

// CopyOut implements proxy.ResultWriter: no command does that.
func (w *told) CopyOut(int) (func([]byte) error, error) {
	return nil, fmt.Errorf("no COPY at a COMMIT")
}

// Flush implements proxy.ResultWriter.
func (w *told) Flush() error { return nil }
