package intercept_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/engine/strategy"
	"mzproxy/proxy"
	"mzproxy/proxy/intercept"
)

// rig is one session on a server in memory, with the real engine.
type rig struct {
	*server
	interceptor *intercept.Interceptor
	handler     proxy.Handler
	parameters  map[string]string
	status      byte // of the transaction
	startup     map[string]string
	superuser   string // what the session shows for is_superuser; empty: it shows nothing now
	others      bool   // statements of the server's were executed in the open transaction
	questions   int    // that it was asked
}

// newRig opens a session. Settings may change before they are used.
func newRig(t testing.TB, settings ...func(*rig, *reconcile.Config, *intercept.Config)) *rig {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	r := &rig{server: newServer(), parameters: map[string]string{"application_name": "test"}, status: 'I', startup: map[string]string{}}
	registry := engine.NewRegistry(strategy.All()...)
	rc := reconcile.Config{Planner: engine.Planner{Registry: registry}, Observer: r.server, Executor: r.server, Recorder: r.server, Logger: log}
	ic := intercept.Config{Catalog: r.server, Store: r.server, Registry: registry, EnableExperimental: true, Logger: log}
	for _, set := range settings {
		set(r, &rc, &ic)
	}
	reconciler, err := reconcile.New(rc)
	if err != nil {
		t.Fatal(err)
	}
	if ic.Engine == nil {
		ic.Engine = reconciler
	}
	if r.interceptor, err = intercept.New(ic); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.interceptor.Close)
	r.handler = r.interceptor.OpenSession(r)
	return r
}

// Info and Parameter are those of a session.
func (r *rig) Info() proxy.SessionInfo {
	return proxy.SessionInfo{ID: 1, User: "materialize", Database: "materialize", Startup: r.startup}
}

func (r *rig) Parameter(name string) string { return r.parameters[name] }

// Use is that of a session: one that nobody looks at.
func (r *rig) Use() (now bool, ended time.Time) { return false, time.Time{} }

// result is what a client gets for a statement.
type result struct {
	tag     string
	rows    [][]string
	notices []*proxy.Notice
	err     *proxy.Error
}

// Row, Notice, CopyOut and Flush are those of a ResultWriter.
func (r *result) Row(values ...*string) error {
	var out []string
	for _, v := range values {
		if v == nil {
			out = append(out, "NULL")
			continue
		}
		out = append(out, *v)
	}
	r.rows = append(r.rows, out)
	return nil
}

func (r *result) Notice(n *proxy.Notice) error { r.notices = append(r.notices, n); return nil }

func (r *result) CopyOut(int) (func([]byte) error, error) { return nil, errors.New("no COPY") }

func (r *result) Flush() error { return nil }

// run sends one statement as a simple query. Where it is for the server, runs is what the server does, and returns
// the command tag.
// codeOfServer stands for the SQLSTATE of an error of the server's own.
const codeOfServer = "....."

func (r *rig) run(ctx context.Context, sql string, runs func() string) *result {
	out := &result{}
	verdicts, err := r.handler.Intercept(ctx, proxy.Query{Text: sql, TxStatus: r.status, Ask: r.ask})
	if errors.As(err, &out.err) {
		return out
	}
	if err != nil {
		out.err = &proxy.Error{Message: err.Error()}
		return out
	}
	completed := proxy.Completed{TxStatus: r.status}
	v := proxy.Verdict{}
	if len(verdicts) > 0 {
		v = verdicts[0]
	}
	switch v.Action {
	case proxy.Refuse:
		out.err = v.Err
		return out
	case proxy.Local:
		tag, err := give(ctx, v.Answer, proxy.Place{Explicit: r.status == 'T', Others: r.others}, out)
		if err != nil && !errors.As(err, &out.err) {
			out.err = &proxy.Error{Message: err.Error()}
		}
		out.tag = tag
	default:
		if v.Hint != "" { // in the server's words
			out.err = &proxy.Error{Code: codeOfServer, Message: "as the server says", Hint: v.Hint}
			return out
		}
		out.tag = runs()
		r.others = r.status == 'T'
		if v.Done != nil {
			v.Done(out.tag)
		}
		completed.Events = []proxy.Event{{Tag: out.tag, Done: v.Done != nil}}
	}
	out.notices = append(out.notices, r.handler.Ready(ctx, completed).Notices...)
	return out
}

// give runs an answer in its place.
func give(ctx context.Context, a *proxy.Answer, at proxy.Place, w proxy.ResultWriter) (string, error) {
	if a.At != nil {
		given, err := a.At(at)
		if err != nil {
			return "", err
		}
		a = given
	}
	return a.Run(ctx, w)
}

// ask is the server's answer to a question on the session's own connection.
func (r *rig) ask(_ context.Context, parameter string) (string, error) {
	r.questions++
	if parameter != "is_superuser" || r.superuser == "" {
		return "", errors.New("not known now")
	}
	return r.superuser, nil
}

// String is what psql shows of it.
func (r *result) String() string {
	var b strings.Builder
	for _, n := range r.notices {
		say(&b, n.Severity, n.Code, n.Message, n.Detail, n.Hint)
	}
	if r.err != nil {
		say(&b, "ERROR", r.err.Code, r.err.Message, r.err.Detail, r.err.Hint)
	}
	return b.String()
}

func say(b *strings.Builder, severity, code, message, detail, hint string) {
	fmt.Fprintf(b, "%s:  %s: %s\n", severity, code, message)
	if detail != "" {
		fmt.Fprintf(b, "DETAIL:  %s\n", detail)
	}
	if hint != "" {
		fmt.Fprintf(b, "HINT:  %s\n", hint)
	}
}

// greeting is what the session is told at its start.
func (r *rig) greeting() []*proxy.Notice {
	return r.handler.(proxy.Greeter).Greet().Notices
}

// twice binds a cluster's name to a parameter that stands for something else, too.
func twice(ctx context.Context, r *rig) *result {
	out := &result{}
	verdicts, err := r.handler.Intercept(ctx, proxy.Query{Extended: true, TxStatus: 'I',
		Text: "INSERT INTO mz_cluster_strategies VALUES ($1, 'target_size', jsonb_build_object('replica_name', $1))"})
	if err == nil {
		err = verdicts[0].Bind(ctx, &proxy.Bind{TxStatus: 'I', Formats: []int16{0}, Values: [][]byte{[]byte("prod")}})
	}
	errors.As(err, &out.err)
	return out
}

// second is what a client gets for the second statement of a text, which is refused.
func second(ctx context.Context, r *rig, text string) *result {
	out := &result{}
	verdicts, err := r.handler.Intercept(ctx, proxy.Query{Text: text, TxStatus: r.status})
	if err == nil && len(verdicts) == 1 {
		out.err = verdicts[0].Err
	}
	return out
}
