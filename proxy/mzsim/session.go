package mzsim

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgproto3/v2"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// session is the handler of one client session.
type session struct {
	*interceptor
	proxied *proxy.Session
	info    proxy.SessionInfo
	id      uuid.UUID

	mu       sync.Mutex
	state    state // after what the server has completed
	expected state // after what was let through, too
	batch    int   // statements let through since the last ReadyForQuery
	prepared map[string]*statement
	cursors  map[string]*cursor
	running  []*execution // let through, not settled yet
	notices  []*proxy.Notice
	reported map[string]string
	failure  string // the latest message of the server, for the history
}

var (
	_ proxy.Handler           = (*session)(nil)
	_ proxy.Greeter           = (*session)(nil)
	_ proxy.ParameterRewriter = (*session)(nil)
	_ proxy.ErrorRewriter     = (*session)(nil)
)

// Wants reports true: every statement is subject to Materialize's rules.
func (h *session) Wants([]byte) bool { return true }

// Greet reports the variables that PostgreSQL does not know.
func (h *session) Greet() proxy.Ready { return h.news() }

// Intercept decides about the statements of a text. In the simple protocol the
// state after each is known, as they follow one another; in the extended protocol a
// statement may run later and again, and is judged at every Bind.
func (h *session) Intercept(ctx context.Context, q proxy.Query) ([]proxy.Verdict, error) {
	pieces, err := rewrite.Split(q.Text)
	if err != nil || len(pieces) == 0 {
		return nil, nil // PostgreSQL will say what is wrong with the text
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
	var sc scope
	var err error
	switch st.kind {
	case kindRead, kindReadWrite, kindSubscribe, kindDeclare:
		if sc, err = h.scope(ctx, st.usage, s.vars.get(searchPath)); err != nil {
			return admission{}, err
		}
	}
	a := admission{after: s}
	if e := a.after.enter(st, alone, sc.constant()); e != nil {
		return admission{}, e
	}
	switch st.kind {
	case kindRead, kindSubscribe, kindDeclare:
		a.place, err = h.route(ctx, &a.after, st, sc)
	case kindReadWrite:
		if len(sc.sealed) > 0 {
			return admission{}, &proxy.Error{Code: "25000", Message: "invalid selection: every relation leaf must be a writable user table",
				Detail: fmt.Sprintf("Relation \"%s\" is not a writable user table.", sc.sealed[0])}
		}
		a.place, err = h.route(ctx, &a.after, st, sc)
	case kindDDL:
		var refusal *proxy.Error
		if refusal, err = h.refusal(ctx, st.shown); refusal != nil {
			return admission{}, refusal
		}
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

// judge decides about a statement of the simple protocol.
func (h *session) judge(ctx context.Context, st *statement, v *proxy.Verdict, s *state, alone bool) error {
	target := h.target(st)
	before := *s
	a, err := h.admit(ctx, target, before, alone)
	if refuse := (*proxy.Error)(nil); errors.As(err, &refuse) {
		h.refused(st, refuse)
		v.Action, v.Err = proxy.Refuse, refuse
		return nil
	}
	if err != nil {
		return err
	}
	*s = a.after
	h.translate(ctx, st, v, before)
	e := h.begin(target, a.place, before)
	if v.Action == proxy.Local {
		v.Answer.Run = h.settling(v.Answer.Run, a, e)
		return nil
	}
	v.Done = func(tag string) { h.complete(st, a, e, tag) }
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
	h.translate(ctx, st, v, s)
	var last struct {
		admission
		*execution
	}
	admitNow := func(ctx context.Context) error {
		h.mu.Lock()
		s, alone := h.expected, h.batch == 0
		h.batch++
		h.mu.Unlock()
		target := h.target(st)
		a, err := h.admit(ctx, target, s, alone)
		if refuse := (*proxy.Error)(nil); errors.As(err, &refuse) {
			h.refused(st, refuse)
		}
		if err != nil {
			return err
		}
		e := h.begin(target, a.place, s)
		h.mu.Lock()
		defer h.mu.Unlock()
		h.expected = a.after
		last.admission, last.execution = a, e
		return nil
	}
	if v.Action == proxy.Local {
		run := v.Answer.Run
		v.Answer.Run = func(ctx context.Context, w proxy.ResultWriter) (string, error) {
			if err := admitNow(ctx); err != nil {
				return "", err
			}
			return h.settling(run, last.admission, last.execution)(ctx, w)
		}
		return
	}
	v.Bind = func(ctx context.Context, _ *proxy.Bind) error { return admitNow(ctx) }
	v.Done = func(tag string) {
		h.mu.Lock()
		a, e := last.admission, last.execution
		h.mu.Unlock()
		h.complete(st, a, e, tag)
	}
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

// translate says what PostgreSQL, or the stand-in itself, runs in the statement's place.
func (h *session) translate(ctx context.Context, st *statement, v *proxy.Verdict, s state) {
	switch {
	case st.kind == kindSubscribe:
		h.answerSubscribe(ctx, st, v, s)
	case st.kind == kindDeclare:
		h.answerDeclare(ctx, st, v, s)
	case st.kind == kindFetch && h.cursor(st.name) != nil:
		h.answerFetch(st, v)
	case st.kind == kindClose && h.cursor(st.name) != nil:
		h.answerClose(st, v)
	case st.kind == kindDDL && s.explicit && !s.failed:
		v.Action, v.Tag = proxy.Replace, st.tag
		v.Text = "INSERT INTO mz_sim.deferred VALUES (" + constant(st.sql()) + ")"
	case st.text != "":
		v.Action, v.Text, v.Tag = proxy.Replace, st.text, st.tag
	}
}

// settling wraps an answer of ours so that it counts as a completed statement.
func (h *session) settling(run runFunc, a admission, e *execution) runFunc {
	return func(ctx context.Context, w proxy.ResultWriter) (string, error) {
		tag, err := run(ctx, w)
		if err == nil {
			h.settle(a)
		}
		h.history.finish(e, tag, err)
		return tag, err
	}
}

type runFunc = func(context.Context, proxy.ResultWriter) (string, error)

// complete takes note of a statement that the server has completed.
func (h *session) complete(st *statement, a admission, e *execution, tag string) {
	if tag == "ROLLBACK" { // also what COMMIT of a failed transaction answers
		a.after.end(false)
	}
	h.mu.Lock()
	if st.prepares != "" && st.prepared != nil {
		h.prepared[st.prepares] = st.prepared
	}
	h.mu.Unlock()
	h.settle(a)
	h.history.finish(e, tag, nil)
}

func (h *session) settle(a admission) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.state = a.after
	h.notices = append(h.notices, a.notices...)
}

// begin notes that a statement starts.
func (h *session) begin(st *statement, p place, s state) *execution {
	e := h.history.begin(h, st, p, s.vars)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.running = append(h.running, e)
	return e
}

// refused notes a statement that was not let through.
func (h *session) refused(st *statement, err *proxy.Error) {
	h.mu.Lock()
	vars := h.expected.vars
	h.mu.Unlock()
	h.history.finish(h.history.begin(h, st, place{}, vars), "", err)
}

// Ready settles the transaction, and adds what the client has to be told.
func (h *session) Ready(_ context.Context, c proxy.Completed) proxy.Ready {
	var failure error
	h.mu.Lock()
	for _, e := range c.Events {
		if e.Code != "" {
			failure = &proxy.Error{Code: e.Code, Message: h.failure}
		}
	}
	switch c.TxStatus {
	case 'I':
		h.state.end(failure == nil)
	case 'T':
		h.state.explicit = true
	case 'E':
		h.state.explicit, h.state.failed = true, true
	}
	h.expected, h.batch = h.state, 0
	running := h.running
	h.running = nil
	h.mu.Unlock()
	for _, e := range running { // the first that did not complete is the one that failed
		if h.history.unfinished(e) {
			if failure != nil {
				h.history.finish(e, "", failure)
			} else {
				h.history.drop(e)
			}
			failure = nil
		}
	}
	if c.TxStatus == 'I' {
		h.closeCursors()
	}
	return h.news()
}

// news are the notices that wait, and the variables that have changed since they were last reported.
func (h *session) news() proxy.Ready {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := proxy.Ready{Watch: true, Notices: h.notices}
	h.notices = nil
	for _, name := range reportedVariables {
		value := h.state.vars.get(name)
		if old, ok := h.reported[name]; !ok || old != value {
			h.reported[name] = value
			r.Parameters = append(r.Parameters, proxy.Parameter{Name: name, Value: value})
		}
	}
	return r
}

// RewriteParameter passes the parameters that Materialize reports, too.
func (h *session) RewriteParameter(name, value string) (string, bool) {
	if name == "server_version" {
		return serverVersion, true
	}
	return value, relayedParameters[name]
}

// RewriteError says things as Materialize does, and leaves out what tells of PL/pgSQL.
func (h *session) RewriteError(e *pgproto3.ErrorResponse) {
	rewriteError(e)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failure = e.Message
}

// Close forgets the session.
func (h *session) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	h.closeCursors()
	// The rows are gone with the server otherwise: an error has no one to go to.
	_, _ = h.pool.Exec(ctx, "DELETE FROM mz_sim.sessions WHERE id = $1", h.id)
	_, _ = h.pool.Exec(ctx, "DELETE FROM mz_sim.subscriptions WHERE session_id = $1", h.id)
}
