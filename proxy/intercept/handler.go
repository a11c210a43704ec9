package intercept

import (
	"context"
	"errors"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// handler watches one session.
type handler struct {
	*Interceptor
	session  session
	info     proxy.SessionInfo
	log      logrus.FieldLogger
	settings *settings
	// prepared are the writes that the session prepared with SQL, by name.
	prepared map[string]*rewrite.Statement
	texts    map[string]string // their texts
	// pending are writes that were executed and not committed yet.
	pending []pendingWrite
}

// pendingWrite is a write that waits for its commit.
type pendingWrite struct {
	op       rewrite.Operation
	clusters []string // ids; nil: not known
	sent     time.Time
}

// Wants lets texts through that have nothing of ours in them.
func (h *handler) Wants(text []byte) bool {
	if rewrite.Match(text) {
		return true
	}
	return len(h.prepared) > 0 && (rewrite.Contains(text, "execute") || rewrite.Contains(text, "deallocate") || rewrite.Contains(text, "discard"))
}

// Close has nothing to close.
func (h *handler) Close() {}

func (h *handler) env() rewrite.Env {
	database := h.session.Parameter("database")
	if database == "" {
		database = h.info.Database
	}
	return rewrite.Env{Database: database, Schema: h.cfg.Schema, SearchPath: h.session.Parameter("search_path")}
}

// Intercept decides about a text.
func (h *handler) Intercept(ctx context.Context, q proxy.Query) ([]proxy.Verdict, error) {
	statements, err := rewrite.Classify(q.Text, h.env())
	var malformed *rewrite.SyntaxError
	if errors.As(err, &malformed) {
		return nil, syntaxError(q.Text, malformed)
	}
	var verdicts []proxy.Verdict
	for n := range statements {
		s := &statements[n]
		if s.Kind == rewrite.Other {
			continue
		}
		v, err := h.verdict(ctx, q, s)
		if err != nil {
			v, err = refused(err)
		}
		if err != nil {
			return nil, err
		}
		v.Index, v.Of, v.Start, v.End = n, len(statements), s.Start, s.End
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
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
	case rewrite.IsWrite:
		return h.write(ctx, q, s)
	case rewrite.IsPrepare:
		return h.prepare(ctx, q, s)
	case rewrite.IsExecute:
		return h.execute(ctx, q, s)
	case rewrite.IsForget:
		return proxy.Verdict{Done: func(string) { h.forget(s.Name) }}, nil
	case rewrite.IsSetting:
		return proxy.Verdict{Watch: true, Done: func(string) { h.settings.set(minMessages, s.Setting.Value, s.Setting.Local) }}, nil
	}
	if q.TxStatus == 'E' {
		return proxy.Verdict{}, &proxy.Error{Code: proxy.CodeFailedTransaction, Message: "current transaction is aborted, commands ignored until end of transaction block"}
	}
	answer, err := h.command(ctx, q, s)
	return proxy.Verdict{Action: proxy.Local, Answer: answer, Watch: true}, err
}

func (h *handler) forget(name string) {
	if name == "" {
		clear(h.prepared)
		return
	}
	delete(h.prepared, name)
}

// done notes a write that the server executed.
func (h *handler) done(op rewrite.Operation, clusters []string, sent time.Time) func(string) {
	return func(string) { h.pending = append(h.pending, pendingWrite{op, clusters, sent}) }
}

// Ready runs the engine once a write is committed.
func (h *handler) Ready(ctx context.Context, e proxy.Completed) proxy.Ready {
	switch e.TxStatus {
	case 'T':
		return proxy.Ready{Watch: true}
	case 'E':
		h.pending = nil
		return proxy.Ready{Watch: true}
	}
	committed := committed(e.Events)
	h.settings.end(committed)
	writes := h.pending
	h.pending = nil
	if !committed || len(writes) == 0 {
		return proxy.Ready{}
	}
	return proxy.Ready{Notices: h.settings.filter(h.look(ctx, writes))}
}

// committed tells from what the server said whether a transaction that is over
// was committed, at least in part.
func committed(events []proxy.Event) bool {
	failed := false
	for _, e := range events {
		switch {
		case e.Tag == "COMMIT":
			return true
		case e.Code != "", e.Tag == "ROLLBACK":
			failed = true
		}
	}
	return !failed
}

// trigger says for whom the engine looks.
func (h *handler) trigger(kind string) engine.Trigger {
	return engine.Trigger{Kind: kind, Role: h.info.User, Application: h.session.Parameter("application_name"), Client: h.address()}
}

func (h *handler) address() string {
	if h.info.ClientAddr == nil {
		return ""
	}
	return h.info.ClientAddr.String()
}
