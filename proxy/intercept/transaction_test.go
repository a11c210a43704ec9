package intercept_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/proxy/intercept"
)

// lookout is an engine that only notes which clusters it was to look at.
type lookout struct {
	*server
	looks []string
}

func (l *lookout) Look(_ context.Context, _ reconcile.Trigger, ids ...string) ([]reconcile.Outcome, error) {
	l.looks = append(l.looks, strings.Join(ids, " "))
	return nil, nil
}

func (l *lookout) Explain(ctx context.Context, ids ...string) (engine.Snapshot, engine.Plan, error) {
	s, err := l.Observe(ctx, ids...)
	return s, engine.Plan{}, err
}

func (l *lookout) WhatIf(context.Context, []string, func(*engine.Snapshot)) (s engine.Snapshot, before, after engine.Plan, err error) {
	return s, before, after, nil
}

// The engine looks at the clusters of the writes that were committed, and at no others, when the
// text is over: whatever order BEGIN, COMMIT, ROLLBACK and errors come in.
func TestLooksFollowCommits(t *testing.T) {
	const u2, u3 = "INSERT INTO mz_cluster_strategies VALUES ('prod', 'pause', '{}')", "INSERT INTO mz_cluster_strategies VALUES ('staging', 'pause', '{}')"
	for _, test := range []struct {
		texts string // texts between "|", with the status after each; statements between ";"; FAIL is an error
		want  string
	}{
		{u2 + " I", "u2"},
		{u2 + "; " + u3 + " I", "u2 u3"},
		{u2 + "; FAIL I", ""},
		{"BEGIN T | " + u2 + " T | COMMIT I", "u2"},
		{"BEGIN T | " + u2 + " T | ROLLBACK I", ""},
		{"BEGIN T | " + u2 + " T | FAIL E | ROLLBACK I", ""},
		{"BEGIN T | " + u2 + " T | FAIL E | ROLLBACK I | " + u3 + " I", "u3"},
		{"BEGIN; " + u2 + "; COMMIT I", "u2"},
		{"BEGIN; " + u2 + "; ROLLBACK I", ""},
		{"BEGIN; " + u2 + "; COMMIT; BEGIN; " + u3 + " T", "u2"},
		{"BEGIN; " + u2 + "; COMMIT; BEGIN; " + u3 + " T | COMMIT I", "u2, u3"},
		{"BEGIN; " + u2 + "; COMMIT; BEGIN; " + u3 + " T | ROLLBACK I", "u2"},
		{"BEGIN; " + u2 + "; COMMIT; BEGIN; " + u3 + "; FAIL E | ROLLBACK I", "u2"},
		{"BEGIN; " + u2 + "; ROLLBACK; " + u3 + " I", "u3"},
		{u2 + "; COMMIT; FAIL I", "u2"},
		{u2 + "; COMMIT; " + u3 + "; FAIL I", "u2"},
		{u2 + "; ROLLBACK; " + u3 + " I", "u3"},
		{"BEGIN T | " + u2 + " T | SAVEPOINT T | " + u3 + " T | ROLLBACK T | COMMIT I", "u2 u3"},
		{"BEGIN T | " + u2 + " T | COMMIT; BEGIN T | " + u3 + " T | COMMIT I", "u2, u3"},
		{"SELECT I", ""},
	} {
		t.Run(test.texts, func(t *testing.T) {
			engine := &lookout{}
			r := newRig(t, func(r *rig, _ *engineConfig, c *intercept.Config) {
				engine.server = r.server
				c.Engine = engine
			})
			r.play(t, test.texts)
			if got := strings.Join(engine.looks, ", "); got != test.want {
				t.Errorf("looks at %q, not %q", got, test.want)
			}
		})
	}
}

type engineConfig = reconcile.Config

// play sends texts as the server would run them.
func (r *rig) play(t *testing.T, texts string) {
	t.Helper()
	watched := false
	for text := range strings.SplitSeq(texts, " | ") {
		statements, status := text[:len(text)-2], text[len(text)-1]
		sql := strings.ReplaceAll(strings.ReplaceAll(statements, "FAIL", "SELECT 1/0"), "SELECT I", "SELECT 1")
		var verdicts []proxy.Verdict
		if r.handler.Wants([]byte(sql)) {
			var err error
			if verdicts, err = r.handler.Intercept(t.Context(), proxy.Query{Text: sql, TxStatus: r.status}); err != nil {
				t.Fatal(err)
			}
		}
		completed := proxy.Completed{TxStatus: status}
		for i, s := range strings.Split(statements, "; ") {
			v := slices.IndexFunc(verdicts, func(v proxy.Verdict) bool { return v.Index == i })
			switch done := v >= 0 && verdicts[v].Done != nil; {
			case s == "FAIL":
				completed.Events = append(completed.Events, proxy.Event{Code: "22012"})
			case done:
				watched = true
				verdicts[v].Done("INSERT 0 1")
				completed.Events = append(completed.Events, proxy.Event{Tag: "INSERT 0 1", Done: true})
			default:
				completed.Events = append(completed.Events, proxy.Event{Tag: strings.Fields(s)[0]})
			}
		}
		if watched {
			watched = r.handler.Ready(t.Context(), completed).Watch
		}
		r.status = status
	}
}

// Settings of a session follow its transactions as the server's own do.
func TestSettingsFollowTransactions(t *testing.T) {
	for _, test := range []struct{ texts, want string }{
		{"SET strategy.notices = off I", "off"},
		{"SET strategy.notices = off I | RESET strategy.notices I", "changes"},
		{"SET strategy.notices = off I | RESET ALL I", "changes"},
		{"SET strategy.notices = off I | DISCARD ALL I", "changes"},
		{"BEGIN T | SET strategy.notices = off T | COMMIT I", "off"},
		{"BEGIN T | SET strategy.notices = off T | ROLLBACK I", "changes"},
		{"BEGIN T | SET strategy.notices = off T | FAIL E | ROLLBACK I", "changes"},
		{"BEGIN T | SET LOCAL strategy.notices = off T", "off"},
		{"BEGIN T | SET LOCAL strategy.notices = off T | COMMIT I", "changes"},
		{"BEGIN T | SET LOCAL strategy.notices = off T | SET strategy.notices = all T", "all"},
		{"SET strategy.notices = off; FAIL I", "changes"},
		{"SET strategy.notices = off I | BEGIN T | RESET ALL T | ROLLBACK I", "off"},
		{"BEGIN; SET strategy.notices = off; COMMIT I", "off"},
		{"BEGIN; SET strategy.notices = off; ROLLBACK I", "changes"},
		{"BEGIN; ROLLBACK; SET strategy.notices = off I", "off"},
		{"SET LOCAL strategy.notices = off I", "changes"},
	} {
		t.Run(test.texts, func(t *testing.T) {
			r := newRig(t)
			for text := range strings.SplitSeq(test.texts, " | ") {
				r.playWithAnswers(t, text)
			}
			if got := r.run(t.Context(), "SHOW strategy.notices", nil); got.err != nil || got.rows[0][0] != test.want {
				t.Errorf("shows %v %v, not %s", got.rows, got.err, test.want)
			}
		})
	}
}

// playWithAnswers is play of one text in which commands are answered.
func (r *rig) playWithAnswers(t *testing.T, text string) {
	t.Helper()
	statements, status := text[:len(text)-2], text[len(text)-1]
	sql := strings.ReplaceAll(statements, "FAIL", "SELECT 1/0")
	completed := proxy.Completed{TxStatus: status}
	var verdicts []proxy.Verdict
	if r.handler.Wants([]byte(sql)) {
		var err error
		if verdicts, err = r.handler.Intercept(t.Context(), proxy.Query{Text: sql, TxStatus: r.status}); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range strings.Split(statements, "; ") {
		v := slices.IndexFunc(verdicts, func(v proxy.Verdict) bool { return v.Index == i })
		switch {
		case v >= 0 && verdicts[v].Action == proxy.Local:
			if _, err := verdicts[v].Answer.Run(t.Context(), &result{}); err != nil {
				t.Fatal(err)
			}
		case v >= 0 && verdicts[v].Done != nil:
			verdicts[v].Done(s)
			completed.Events = append(completed.Events, proxy.Event{Tag: s, Done: true})
		case s == "FAIL":
			completed.Events = append(completed.Events, proxy.Event{Code: "22012"})
		default:
			completed.Events = append(completed.Events, proxy.Event{Tag: fmt.Sprint(strings.Fields(s)[0])})
		}
	}
	r.handler.Ready(t.Context(), completed)
	r.status = status
}
