package intercept

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// handler watches one session.
type handler struct {
	*Interceptor
	session  session
	info     proxy.SessionInfo
	log      logrus.FieldLogger
	settings *settings
	greeting []*proxy.Notice
	self     identity

	cluster string                 // the session's; it and moved belong to Uses
	moved   time.Time              // since when it is
	ignored atomic.Bool            // what the session does is no use
	place   atomic.Pointer[string] // cluster, for those who must not wait

	// preparing are the names that the text at hand prepares, or takes away: with what they then stand
	// for, nil where that is none of ours.
	preparing map[string]any
	cleared   bool // ... and the names before it stand for nothing
	writing   bool // ... and it writes
	// alert is set where texts without a word of ours may matter: EXECUTE, PREPARE, DEALLOCATE, DISCARD ALL, RESET ALL. alertPortals
	// is for those that go by the names of portals: FETCH, MOVE, DECLARE, CLOSE.
	alert, alertPortals atomic.Bool

	// touched is set where the session may have changed what the catalog tells.
	touched atomic.Bool

	// readable holds, by table, what the server last said about the session's right to read it.
	readable map[string]kept[bool]

	// executed holds what is to be noted about statements that the server has executed, in
	// their order among the events of Ready.
	executed []func()
	open     []pendingWrite // executed in a transaction that is not over
	// said and changed wait for the end of the text: messages, and what became of clusters.
	said    []*proxy.Notice
	changed []changedClusters
	bound   []*boundWrite // writes with parameters that were bound in it
	// early counts transactions of the text at hand whose end settings have followed already.
	early int

	moves     moves
	facts     facts
	deferred  *deferred // waits for the COMMIT
	deferring atomic.Bool
	written   int             // writes executed in the transaction at hand
	late      []*proxy.Notice // for the next Ready
}

// pendingWrite is a write that waits for its commit.
type pendingWrite struct {
	op       rewrite.Operation
	clusters []string // ids; nil: any
	types    []string // strategy types of rows that it writes; nil: any
	gone     []rowKey // rows that it takes away, perhaps
	wrote    []wroteRow
	sent     time.Time
}

// wroteRow is a row that a write has stored, as far as it is known.
type wroteRow struct {
	rowKey
	config string // as it is stored
}

// rowKey is what rows are about.
type rowKey struct{ cluster, strategy string }

// Wants lets texts through that have nothing of ours in them.
func (h *handler) Wants(text []byte) bool {
	if rewrite.MayTouchCatalog(text) {
		h.touched.Store(true)
	}
	if rewrite.Match(text) || rewrite.MayMiss(text) || rewrite.MayChangeCluster(text) || rewrite.MayMove(text) || rewrite.Names(text) || h.deferring.Load() {
		return true
	}
	return h.alert.Load() && containsAny(text, "execute", "prepare", "deallocate", "discard", "reset") ||
		h.alertPortals.Load() && containsAny(text, "fetch", "move", "declare", "close")
}

func containsAny(text []byte, keywords ...string) bool {
	return slices.ContainsFunc(keywords, func(keyword string) bool { return rewrite.Contains(text, keyword) })
}

// Greet tells of settings at the start of the session that are wrong.
func (h *handler) Greet() proxy.Ready { return proxy.Ready{Notices: h.greeting} }

// Close ends the session.
func (h *handler) Close() { h.cfg.Uses.close(h) }

// env is what the session's text means beside the text itself.
func (h *handler) env() rewrite.Env {
	database := h.session.Parameter("database")
	if database == "" {
		database = h.info.Database
	}
	zone, err := time.LoadLocation(h.session.Parameter("TimeZone"))
	if err != nil {
		zone = time.UTC
	}
	return rewrite.Env{Database: database, Home: h.cfg.Database, Schema: h.cfg.Schema, SearchPath: h.session.Parameter("search_path"),
		Zone: zone, Backslashes: h.session.Parameter("standard_conforming_strings") == "off"}
}

// Intercept decides about a text.
func (h *handler) Intercept(ctx context.Context, q proxy.Query) ([]proxy.Verdict, error) {
	defer h.self.during(q.Ask)()
	verdicts, err := h.decide(ctx, q)
	h.metrics.refusal(err)
	for i := range verdicts {
		if v := &verdicts[i]; v.Action == proxy.Refuse {
			h.metrics.refusal(v.Err)
			_ = errors.As(h.discreet(v.Err), &v.Err)
		}
	}
	return verdicts, h.discreet(err)
}

func (h *handler) decide(ctx context.Context, q proxy.Query) ([]proxy.Verdict, error) {
	if h.touched.Swap(false) {
		h.facts = facts{}
		h.cfg.Catalog.Touch()
	}
	h.facts.begin(q.TxStatus, q.Pipelined)
	env := h.envNow(ctx, q.Text, q.Pipelined, q.Ask)
	env.InTransaction = q.TxStatus == 'T'
	statements, err := rewrite.Classify(q.Text, env)
	var malformed rewrite.Placed
	if errors.As(err, &malformed) {
		return nil, placed(q.Text, malformed)
	}
	if h.deferred != nil && q.TxStatus == 'T' {
		if err := h.beside(statements, q.Text); err != nil {
			return nil, err
		}
	}
	h.preparing, h.cleared, h.writing, h.moves.inText = nil, false, false, false
	var verdicts []proxy.Verdict
	var before []func() // what the text has done to settings when a command's turn comes
	for n := range statements {
		s := &statements[n]
		switch {
		case s.Kind == rewrite.IsDeallocate && s.Moves:
			h.moves.prepared = true
			h.watchful()
		case s.Kind == rewrite.Other && s.Moves && q.Extended:
			v := h.moving(q, proxy.Verdict{})
			v.Index, v.Of, v.Start, v.End = n, len(statements), s.Start, s.End
			verdicts = append(verdicts, v)
			continue
		}
		switch s.Kind {
		case rewrite.Other:
			h.moves.inText = h.moves.inText || s.Moves
			if s.Portal == "" {
				continue
			}
		case rewrite.IsBegin: // the status as of this statement's turn
			q.TxStatus = 'T'
			continue
		case rewrite.IsEnd:
			q.TxStatus, h.moves.inText = 'I', true // what was set may be undone
			before = append(before, func() { h.endEarly(s.Commit) })
			continue
		}
		h.moves.inText = h.moves.inText || s.Moves
		v, err := h.verdict(ctx, q, s)
		if err != nil {
			v, err = refused(err)
		}
		if err != nil {
			return nil, err
		}
		if v.Answer != nil && len(before) > 0 {
			v.Answer.Run = after(before, v.Answer.Run)
			before = nil
		}
		v.Index, v.Of, v.Start, v.End, v.Portal = n, len(statements), s.Start, s.End, s.Portal
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

// after runs an answer behind what comes before it in its text.
func after(before []func(), run func(context.Context, proxy.ResultWriter) (string, error)) func(context.Context, proxy.ResultWriter) (string, error) {
	return func(ctx context.Context, w proxy.ResultWriter) (string, error) {
		for _, f := range before {
			f()
		}
		return run(ctx, w)
	}
}

// refused turns a user's error into a verdict, and hands others on.
func refused(err error) (proxy.Verdict, error) {
	var e *proxy.Error
	if !errors.As(err, &e) {
		return proxy.Verdict{}, err
	}
	return proxy.Verdict{Action: proxy.Refuse, Err: e}, nil
}

func (h *handler) verdict(ctx context.Context, q proxy.Query, s *rewrite.Statement) (proxy.Verdict, error) {
	switch s.Kind {
	case rewrite.Other:
		return proxy.Verdict{}, nil
	case rewrite.IsFetch:
		return h.fetch(q, s)
	case rewrite.IsWrite:
		h.writing = true
		return h.write(ctx, q, s)
	case rewrite.IsRead:
		return h.read(ctx, q, s), nil
	case rewrite.IsEmbedded:
		return proxy.Verdict{}, &proxy.Error{Code: wire.CodeFeatureNotSupported, Message: "a command of the proxy is no query",
			Detail: "A cursor, a subquery, a view and COPY need one.", Hint: "Run the command itself. Drivers: turn off server-side cursors for it."}
	case rewrite.IsPrepare:
		return h.prepare(ctx, q, s)
	case rewrite.IsExecute:
		return h.execute(ctx, q, s)
	case rewrite.IsDeallocate:
		if s.Nested {
			return proxy.Verdict{}, executesExecute()
		}
		return h.deallocate(s.Name), nil
	case rewrite.IsDiscard:
		h.deallocate("")
		return h.moving(q, h.noting(h.settings.resetAll)), nil
	case rewrite.IsResetAll:
		return h.moving(q, h.noting(h.settings.resetAll)), nil
	case rewrite.IsElsewhere:
		return h.elsewhere(q, s), nil
	case rewrite.IsTableDrop:
		return h.noting(func() { h.said = append(h.said, tableDropped()) }), nil
	case rewrite.IsClusterChange:
		return h.changeClusters(ctx, s.Change)
	case rewrite.IsSetting:
		return h.set(s.Settings), nil
	case rewrite.IsNearMiss:
		return proxy.Verdict{Hint: rewrite.PerhapsCommand(s.Meant)}, nil
	}
	if q.TxStatus == 'E' {
		return proxy.Verdict{}, &proxy.Error{Code: wire.CodeFailedTransaction, Message: pgtext.MessageFailedTransaction}
	}
	h.introduce(ctx, s.Command)
	answer, err := h.command(q, s)
	if err != nil {
		return proxy.Verdict{}, err
	}
	answer = h.finished(s.Command, answer)
	if s.Kind == rewrite.IsPrepareCommand {
		return h.prepareCommand(s, answer), nil
	}
	if q.Extended {
		h.watchful()
		h.alertPortals.Store(true)
	}
	return proxy.Verdict{Action: proxy.Local, Answer: answer, Watch: true, Keep: preparedAnswer{answer}}, nil
}

// finished is the answer to a command as it is given in its place, also with parameters.
func (h *handler) finished(c rewrite.Command, a *proxy.Answer) *proxy.Answer {
	a = h.metrics.counted(c, h.inPlace(c, a, h.writing))
	if bound := a.Bound; bound != nil {
		a.Bound = func(b proxy.Bind) *proxy.Answer { return h.finished(c, bound(b)) }
	}
	return a
}

// noting is the verdict about a statement of the server's own that says something to us: then is
// called when the statement's turn comes among what the transaction did.
func (h *handler) noting(then func()) proxy.Verdict {
	return proxy.Verdict{Watch: true, Done: func(string) { h.executed = append(h.executed, then) }}
}

// watchful makes the handler look at texts that may undo what was set or prepared.
func (h *handler) watchful() { h.alert.Store(true) }

// Kinds of triggers.
const (
	triggerStatement = "statement"
	triggerApply     = "apply"
)

// trigger says for whom the engine looks.
func (h *handler) trigger(kind string) reconcile.Trigger {
	return reconcile.Trigger{Kind: kind, Role: h.info.User, Application: h.session.Parameter("application_name"), Client: h.address()}
}

func (h *handler) address() string {
	if h.info.ClientAddr == nil {
		return ""
	}
	return h.info.ClientAddr.String()
}
