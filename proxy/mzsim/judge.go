package mzsim

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// Intercept decides about the statements of a text. In the simple protocol the
// state after each is known, as they follow one another; in the extended protocol a
// statement may run later and again, and is judged at every Bind.
func (h *session) Intercept(ctx context.Context, q proxy.Query) ([]proxy.Verdict, error) {
	pieces, err := rewrite.Split(q.Text)
	if err != nil || len(pieces) == 0 {
		return nil, scanError(err) // PostgreSQL will say what is wrong with the text
	}
	h.mu.Lock()
	s := h.expected
	h.mu.Unlock()
	verdicts := make([]proxy.Verdict, len(pieces))
	refused := false
	for i, piece := range pieces {
		st := analyse(q.Text, piece)
		v := proxy.Verdict{Index: i, Of: len(pieces), Start: piece.Start, End: piece.End}
		switch {
		case refused: // will not run
		case q.Extended:
			h.judgeLater(ctx, st, &v, s)
		default:
			if err := h.judge(ctx, st, &v, &s, len(pieces) == 1); err != nil {
				return nil, err
			}
			refused = v.Action == proxy.Refuse
		}
		verdicts[i] = v
	}
	h.mu.Lock()
	h.expected = s
	h.mu.Unlock()
	return verdicts, nil
}

// admission is what has come out about a statement that is let through.
type admission struct {
	after   state
	place   place
	scope   scope
	notices []*proxy.Notice
}

// admit applies all rules to a statement in state s. The error may be a *proxy.Error for the client.
func (h *session) admit(ctx context.Context, st *statement, s state, alone bool) (admission, error) {
	if s.failed && st.kind != kindCommit && st.kind != kindRollback {
		return admission{}, errAborted
	}
	if st.err != nil {
		return admission{}, st.err
	}
	if err := h.refusal(ctx, st.shown); err != nil {
		return admission{}, err
	}
	var sc scope
	var err error
	switch st.kind {
	case kindRead, kindReadWrite, kindSubscribe, kindDeclare:
		if sc, err = h.scope(ctx, st.usage, s.vars.get(searchPath)); err != nil {
			return admission{}, err
		}
	}
	a := admission{after: s, scope: sc}
	if e := a.after.enter(st, alone, sc.constant()); e != nil {
		return admission{}, e
	}
	switch st.kind {
	case kindRead, kindSubscribe, kindDeclare:
		a.place, err = h.route(ctx, h.info.User, &a.after, st, sc)
	case kindReadWrite:
		if len(sc.sealed) > 0 {
			return admission{}, &proxy.Error{Code: "25000", Message: "invalid selection: every relation leaf must be a writable user table",
				Detail: fmt.Sprintf("Relation \"%s\" is not a writable user table.", sc.sealed[0])}
		}
		a.place, err = h.route(ctx, h.info.User, &a.after, st, sc)
	case kindSet:
		a.notices, err = h.warnMissing(ctx, st.assignment, a.after.vars)
	}
	return a, err
}

// warnMissing notices that the cluster that a SET chose does not exist.
func (h *session) warnMissing(ctx context.Context, a *assignment, v variables) ([]*proxy.Notice, error) {
	if a == nil || v.get("current_object_missing_warnings") == "off" {
		return nil, nil
	}
	switch name := v.get(a.name); a.name {
	case "cluster":
		exists, err := h.clusterExists(ctx, name)
		if err != nil || exists {
			return nil, err
		}
		return []*proxy.Notice{notice("MZ007", fmt.Sprintf("cluster \"%s\" does not exist", name))}, nil
	case "database":
		if name != database {
			return []*proxy.Notice{notice("MZ006", fmt.Sprintf("database \"%s\" does not exist", name))}, nil
		}
	}
	return nil, nil
}

// attempt is a statement that was let through, until it has ended.
type attempt struct {
	st *statement
	admission
	*execution
	seq int // they are counted in the order in which they were let through
}

// judge decides about a statement of the simple protocol.
func (h *session) judge(ctx context.Context, st *statement, v *proxy.Verdict, s *state, alone bool) error {
	before := *s
	a, err := h.try(ctx, st, before, alone)
	if refuse := (*proxy.Error)(nil); errors.As(err, &refuse) {
		v.Action, v.Err = proxy.Refuse, refuse
		return nil
	}
	if err != nil {
		return err
	}
	*s = a.after
	answer := h.translate(ctx, st, v, before)
	if v.Action == proxy.Local {
		v.Answer.Run = func(ctx context.Context, w proxy.ResultWriter) (string, error) { return h.answer(ctx, answer, a, w) }
		return nil
	}
	v.Done = func(tag string) { h.complete(st, a, tag) }
	return nil
}

// judgeLater prepares for a statement of the extended protocol to be judged
// when it is bound. s is the state in which it is likely to run.
func (h *session) judgeLater(ctx context.Context, st *statement, v *proxy.Verdict, s state) {
	if st.err != nil {
		h.refused(st, st.err)
		v.Action, v.Err = proxy.Refuse, st.err
		return
	}
	answer := h.translate(ctx, st, v, s)
	if v.Action == proxy.Local {
		v.Answer.Run = func(ctx context.Context, w proxy.ResultWriter) (string, error) {
			a, err := h.tryNow(ctx, st)
			if err != nil {
				return "", err
			}
			return h.answer(ctx, answer, a, w)
		}
		return
	}
	v.Bind = func(ctx context.Context, _ *proxy.Bind) error {
		_, err := h.tryNow(ctx, st)
		return err
	}
	v.Done = func(tag string) {
		if a := h.attempted(st); a != nil {
			h.complete(st, a, tag)
		}
	}
}

// try admits a statement in state s, notes that it starts, or that it was refused, and waits until
// there is a replica for it.
func (h *session) try(ctx context.Context, st *statement, s state, alone bool) (*attempt, error) {
	target := h.target(st)
	if strings.Contains(target.shown, knobSchema) { // what is over follows the knobs that there were
		if err := h.history.flush(ctx); err != nil {
			return nil, err
		}
	}
	admitted, err := h.admit(ctx, target, s, alone)
	if refuse := (*proxy.Error)(nil); errors.As(err, &refuse) {
		h.refused(st, refuse)
	}
	if err != nil {
		return nil, err
	}
	a := &attempt{st, admitted, h.history.begin(h, target, admitted.place, s.vars), 0}
	if a.place.waiting {
		if err := h.await(ctx, h.info.User, s.vars, a.scope); err != nil {
			h.history.finish(a.execution, "", err)
			return nil, err
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tries++
	a.seq = h.tries
	h.running = append(h.running, a)
	return a, nil
}

// tryNow is try in the state after all that was let through so far.
func (h *session) tryNow(ctx context.Context, st *statement) (*attempt, error) {
	h.mu.Lock()
	s, alone := h.expected, h.batch == 0
	if st.kind != kindShow {
		h.batch++
	}
	h.mu.Unlock()
	a, err := h.try(ctx, st, s, alone)
	if err == nil {
		h.mu.Lock()
		h.expected = a.after
		h.mu.Unlock()
	}
	return a, err
}

// attempted returns the oldest attempt at a prepared statement that has not ended.
func (h *session) attempted(st *statement) *attempt {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.running {
		if a.st == st && h.history.unfinished(a.execution) {
			return a
		}
	}
	return nil
}

// target is the statement whose rules count: that which an EXECUTE runs.
func (h *session) target(st *statement) *statement {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.prepared[st.name]; st.kind == kindExecute && p != nil {
		return p
	}
	return st
}

// answerFunc produces the result of a statement that the stand-in runs itself.
type answerFunc = func(context.Context, *attempt, proxy.ResultWriter) (string, error)

// translate says what PostgreSQL runs in the statement's place, or returns
// what the stand-in itself does (the verdict is Local then).
func (h *session) translate(ctx context.Context, st *statement, v *proxy.Verdict, s state) answerFunc {
	switch {
	case st.kind == kindSubscribe:
		return h.answerSubscribe(ctx, st, v, s)
	case st.kind == kindDeclare:
		return h.answerDeclare(ctx, st, v, s)
	case st.kind == kindFetch && h.cursor(st.name) != nil:
		return h.answerFetch(st, v)
	case st.kind == kindClose && h.cursor(st.name) != nil:
		return h.answerClose(st, v)
	case st.kind == kindDDL && !st.shares && s.explicit && !s.failed:
		v.Action, v.Tag = proxy.Replace, st.tag
		v.Text = "INSERT INTO mz_sim.deferred VALUES (" + constant(st.sql()) + ")"
	case st.text != "":
		v.Action, v.Text, v.Tag = proxy.Replace, st.text, st.tag
	}
	return nil
}

// answer runs an answer of ours, which counts as a statement that the server has completed.
func (h *session) answer(ctx context.Context, answer answerFunc, a *attempt, w proxy.ResultWriter) (string, error) {
	tag, err := answer(ctx, a, w)
	if err == nil {
		h.settle(a)
	}
	h.history.finish(a.execution, tag, err)
	return tag, err
}

// complete takes note of a statement that the server has completed.
func (h *session) complete(st *statement, a *attempt, tag string) {
	if tag == "ROLLBACK" { // also what COMMIT of a failed transaction answers
		a.after.end(false)
	}
	h.mu.Lock()
	switch {
	case st.prepares != "" && st.prepared != nil:
		h.prepared[st.prepares] = st.prepared
	case st.forgets == allPrepared:
		clear(h.prepared)
	default:
		delete(h.prepared, st.forgets)
	}
	h.mu.Unlock()
	h.settle(a)
	h.history.finish(a.execution, tag, nil)
}

// settle takes note of a statement that has succeeded. Answers of ours are made before the
// statements in front of them run.
func (h *session) settle(a *attempt) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if a.seq > h.settled {
		h.state, h.settled = a.after, a.seq
	}
	h.notices = append(h.notices, a.notices...)
}

// refused notes a statement that was not let through.
func (h *session) refused(st *statement, err *proxy.Error) {
	h.mu.Lock()
	vars := h.expected.vars
	h.mu.Unlock()
	h.history.finish(h.history.begin(h, st, place{}, vars), "", err)
}
