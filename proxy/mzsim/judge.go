package mzsim

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// Intercept decides about the statements of a text. In the simple protocol the
// state after each is known, as they follow one another; in the extended protocol a
// statement may run later and again, and is judged whenever it is executed.
func (h *session) Intercept(ctx context.Context, q proxy.Query) ([]proxy.Verdict, error) {
	if len(q.Text) > maxText {
		return nil, errTooLong
	}
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
			h.prepare(q.Name, st)
		default:
			if refused, err = h.judge(ctx, st, &v, &s, len(pieces) == 1); err != nil {
				return nil, err
			}
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
	case kindRead, kindReadWrite, kindSubscribe:
		if sc, err = h.scope(ctx, st.usage, s.vars.get(searchPath)); err != nil {
			return admission{}, err
		}
		sc.computes = sc.computes && !strings.Contains(st.shown, knobSchema)
	}
	if e := inMissingDatabase(st, sc, s.vars); e != nil {
		return admission{}, e
	}
	a := admission{after: s, scope: sc}
	if e := a.after.enter(st, alone, sc.constant()); e != nil {
		return admission{}, e
	}
	switch st.kind {
	case kindReadWrite:
		if e := sc.invalidSelection(); e != nil {
			return admission{}, e
		}
		fallthrough
	case kindRead, kindSubscribe:
		a.place, err = h.route(ctx, h.info.User, &a.after, st, sc)
	case kindInsert:
		a.place, err = h.admitInsert(ctx, st, &a.after)
	case kindSet:
		if st.assignment != nil {
			a.notices, err = h.warnMissing(ctx, st.assignment.name, a.after.vars)
		}
	case kindShow:
		a.notices, err = h.warnMissing(ctx, st.name, a.after.vars)
	}
	return a, err
}

// inMissingDatabase is the error of what names an object of a user where the session's database is not there. There is one database here,
// so that PostgreSQL would find it.
func inMissingDatabase(st *statement, sc scope, v variables) *proxy.Error {
	if v.get("database") == database {
		return nil
	}
	unknown := func(name string) *proxy.Error {
		return &proxy.Error{Code: "XX000", Message: fmt.Sprintf("unknown catalog item '%s'", name)}
	}
	switch {
	case len(sc.users) > 0:
		return unknown(sc.users[0][strings.LastIndexByte(sc.users[0], '.')+1:])
	case st.kind == kindInsert && st.usage.Target != nil:
		return unknown(st.usage.Target.Name)
	case st.kind == kindDDL && (st.tag == "CREATE TABLE" || st.tag == "CREATE VIEW" || st.tag == "CREATE MATERIALIZED VIEW"):
		return &proxy.Error{Code: "3F000", Message: "no valid schema selected"}
	}
	return nil
}

// admitInsert notes what an INSERT of constants writes. One that takes a value of the moment reads it on the session's cluster.
func (h *session) admitInsert(ctx context.Context, st *statement, s *state) (place, error) {
	table, moving, err := h.insertion(ctx, st.usage, s.vars.get(searchPath))
	if err != nil || table == "" { // PostgreSQL will complain that there is no such table
		return place{}, err
	}
	s.writes(table, moving)
	if !moving {
		return place{}, nil
	}
	return h.onCluster(ctx, h.info.User, s.vars, scope{})
}

// warnMissing notices that the cluster or database that a SET or SHOW is about does not exist.
func (h *session) warnMissing(ctx context.Context, variable string, v variables) ([]*proxy.Notice, error) {
	if v.get("current_object_missing_warnings") == "off" {
		return nil, nil
	}
	switch name := v.get(variable); {
	case variable == "cluster":
		exists, err := h.clusterExists(ctx, name)
		if err != nil || exists {
			return nil, err
		}
		n := notice("MZ007", fmt.Sprintf("cluster \"%s\" does not exist", name))
		n.Hint = "Create the cluster with CREATE CLUSTER or pick an extant cluster with SET CLUSTER = name. List available clusters with SHOW CLUSTERS."
		return []*proxy.Notice{n}, nil
	case variable == "database" && name != database:
		n := notice("MZ006", fmt.Sprintf("database \"%s\" does not exist", name))
		n.Hint = "Create the database with CREATE DATABASE or pick an extant database with SET DATABASE = name. List available databases with SHOW DATABASES."
		return []*proxy.Notice{n}, nil
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

// judge decides about a statement of the simple protocol. refused says that those behind it will not run.
func (h *session) judge(ctx context.Context, st *statement, v *proxy.Verdict, s *state, alone bool) (refused bool, err error) {
	before := *s
	a, err := h.try(ctx, st, before, alone)
	late, refuse := described{}, (*proxy.Error)(nil)
	switch query := h.target(st).query(); {
	case errors.As(err, &late) && query != "":
		v.Action, v.Text = proxy.Replace, failing(query, late.cause)
		return true, nil
	case errors.As(err, &refuse):
		v.Action, v.Err = proxy.Refuse, refuse
		return true, nil
	case err != nil:
		return false, err
	}
	*s = a.after
	answer := h.translate(ctx, st, v, before)
	if v.Action == proxy.Local {
		v.Answer.Run = func(ctx context.Context, w proxy.ResultWriter) (string, error) { return h.answer(ctx, answer, a, w) }
		return false, nil
	}
	v.Done = func(tag string) { h.complete(st, a, tag) }
	return v.Action == proxy.Refuse, nil
}

// failing is a query that describes the rows of another one, and fails then.
func failing(query string, e *proxy.Error) string {
	return fmt.Sprintf("SELECT * FROM (%s\n) AS q WHERE mz_sim.refuse_rows(%s, %s, %s, %s)", query,
		constant(e.Code), constant(e.Message), constant(e.Detail), constant(e.Hint))
}

// judgeLater prepares for a statement of the extended protocol to be judged
// when it is executed. s is the state in which it is likely to run.
func (h *session) judgeLater(ctx context.Context, st *statement, v *proxy.Verdict, s state) {
	if st.err != nil {
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
	v.Bind = func(_ context.Context, b *proxy.Bind) error { return st.checkParameters(b) }
	v.Execute = func(ctx context.Context) error {
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
		h.refused(st, s.vars, refuse)
	}
	if err != nil {
		return nil, err
	}
	a := &attempt{st, admitted, h.history.begin(h, h.logged(st), admitted, s.vars), 0}
	if err := h.waitFor(ctx, target, a, s.vars); err != nil {
		h.history.finish(a.execution, "", err)
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tries++
	a.seq = h.tries
	h.running = append(h.running, a)
	return a, nil
}

// waitFor waits for a replica that can serve the statement, and for the time that its reading takes.
func (h *session) waitFor(ctx context.Context, target *statement, a *attempt, v variables) error {
	if a.place.waiting {
		came, err := h.await(ctx, h.info.User, v, a.scope)
		if err != nil {
			return err
		}
		a.notices = append(a.notices, came...)
	}
	if cost(target, a.admission, time.Second) == 0 { // what is free is not asked about
		return nil
	}
	standard, err := h.readCost(ctx)
	if err != nil {
		return err
	}
	return h.turns.take(ctx, a.place, cost(target, a.admission, standard))
}

// tryNow is try in the state after all that was let through so far. Outside a transaction block a statement of the extended protocol
// counts as alone, whatever else there is in front of the Sync.
func (h *session) tryNow(ctx context.Context, st *statement) (*attempt, error) {
	h.mu.Lock()
	s := h.expected
	h.mu.Unlock()
	a, err := h.try(ctx, st, s, true)
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

// target is the statement whose rules count: that which an EXECUTE runs, or the first FETCH from a cursor.
func (h *session) target(st *statement) *statement {
	h.mu.Lock()
	defer h.mu.Unlock()
	if p := h.prepared[st.name]; st.kind == kindExecute && p != nil {
		return p
	}
	if c := h.cursors[st.name]; st.kind == kindFetch && c != nil && !c.fetched {
		return c.statement
	}
	return st
}

// answerFunc produces the result of a statement that the stand-in runs itself.
type answerFunc = func(context.Context, *attempt, proxy.ResultWriter) (string, error)

// translate says what PostgreSQL runs in the statement's place, or returns
// what the stand-in itself does (the verdict is Local then).
func (h *session) translate(ctx context.Context, st *statement, v *proxy.Verdict, s state) answerFunc {
	h.expectPrepared(st)
	switch {
	case st.kind == kindSubscribe:
		return h.answerSubscribe(ctx, st, v, s)
	case st.kind == kindDeclare:
		return h.answerDeclare(ctx, st, v, s)
	case st.kind == kindFetch && h.cursor(st.name) != nil:
		return h.answerFetch(st, v)
	case st.kind == kindClose && h.cursor(st.name) != nil:
		return h.answerClose(st, v)
	case st.kind == kindCommit && s.lockedWrongly():
		v.Action, v.Text = proxy.Replace, failingCommit
	case st.kind == kindSet && st.assignment != nil && st.assignment.local && !s.explicit:
		v.Action, v.Text, v.Tag = proxy.Replace, nothing, st.tag
	case st.kind == kindDDL && !st.shares && s.explicit && !s.failed:
		v.Action, v.Tag = proxy.Replace, st.tag
		v.Text = "INSERT INTO mz_sim.deferred VALUES (" + constant(st.sql()) + ")"
	case st.waits != nil && !s.failed:
		return h.answerWaiting(st, v, s)
	case st.text != "":
		v.Action, v.Text, v.Tag = proxy.Replace, st.text, st.tag
	}
	return nil
}

// prepare notes what a Parse message makes: SQL's EXECUTE may run it, too.
func (h *session) prepare(name string, st *statement) {
	if name == "" {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.prepared[name] = st
}

// expectPrepared notes at once what a PREPARE will make: its EXECUTE may stand in the same text.
func (h *session) expectPrepared(st *statement) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if st.prepares != "" && st.prepared != nil && h.prepared[st.prepares] == nil {
		h.prepared[st.prepares] = st.prepared
	}
}

const (
	// failingCommit ends a transaction with an error: there are no prepared transactions here.
	failingCommit = "PREPARE TRANSACTION 'mz_sim'"
	// nothing is a statement without effect.
	nothing = "SET mz_sim.nothing = ''"
)

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
	if c := h.cursors[st.name]; st.kind == kindFetch && c != nil {
		c.fetched = true
	} else if st.kind == kindClose {
		delete(h.cursors, st.name)
	}
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
	if st.kind == kindDDL || st.kind == kindCommit || strings.Contains(st.shown, knobSchema) {
		h.controller.wake()
	}
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

// refused notes a statement that was not let through. One that cannot be read, or comes in a failed transaction, is not
// executed at all.
func (h *session) refused(st *statement, v variables, err *proxy.Error) {
	if err != st.err && err != errAborted {
		h.history.finish(h.history.begin(h, h.logged(st), admission{}, v), "", err)
	}
}

// logged is the statement as which one is logged: an EXECUTE as what it runs.
func (h *session) logged(st *statement) *statement {
	if st.kind == kindExecute {
		return h.target(st)
	}
	return st
}
