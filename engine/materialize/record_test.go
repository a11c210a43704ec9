package materialize_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
)

func record(id string, action string) reconcile.ActionRecord {
	return reconcile.ActionRecord{ActionID: action, ClusterID: id, SQL: `CREATE CLUSTER REPLICA "c"."it's"`, Context: reconcile.DecisionContext{
		Trigger: "statement", Role: "me", Op: "create", Replica: "it's", Size: "25cc",
		Strategies: []string{"target_size"}, Reasons: []string{"target_size: no replica of size 25cc"},
		State: map[string]json.RawMessage{"target_size": json.RawMessage(`{"last_decision_ts":null}`)},
	}}
}

func finished(r reconcile.ActionRecord, executed bool, message string) reconcile.ActionRecord {
	r.Executed, r.Error = &executed, message
	return r
}

func TestActions(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	ctx := t.Context()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	open := func() (ids []string) {
		t.Helper()
		rows, err := c.Unfinished(ctx)
		check(err)
		for _, r := range rows {
			ids = append(ids, r.ActionID)
		}
		return ids
	}
	rows := func() []string {
		t.Helper()
		return s.column(t, "SELECT concat_ws(' ', action_id, coalesce(executed::text, '?'), error_message) FROM mz_cluster_strategy_actions ORDER BY 1")
	}
	// The older tool's rows: another decision_ctx, and NULL wherever it may be.
	s.run(t, `INSERT INTO mz_cluster_strategy_actions (action_id, cluster_id, action_sql, decision_ctx, executed) VALUES ('old', 'u1', 'DROP', '{"reasons": "none"}', NULL)`)
	s.run(t, `INSERT INTO mz_cluster_strategy_actions (action_id, cluster_id, decision_ctx, executed, created_at) VALUES ('older', NULL, NULL, NULL, NULL)`)
	check(c.Begin(ctx, record("u1", "a")))
	check(c.Begin(ctx, record("u1", "b")))
	check(c.Begin(ctx, record("u1", "c")))
	if diff := cmp.Diff([]string{"a", "b", "c"}, sorted(open())); diff != "" {
		t.Errorf("open (-want +got):\n%s", diff)
	}
	check(c.Finish(ctx, finished(record("u1", "a"), true, "")))
	check(c.Finish(ctx, finished(record("u1", "a"), true, "")))         // twice is once
	check(c.Finish(ctx, finished(record("u1", "a"), false, "refused"))) // executed stays executed
	check(c.Finish(ctx, finished(record("u1", "b"), false, "refused")))
	check(c.Forget(ctx, "b")) // it is complete
	check(c.Forget(ctx, "c"))
	check(c.Finish(ctx, finished(record("u1", "d"), true, ""))) // whose row somebody dropped
	if diff := cmp.Diff([]string{"a true", "b false refused", "d true", "old ?", "older ?"}, rows()); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if len(open()) > 0 {
		t.Errorf("open: %q", open())
	}
	got, err := c.Actions(ctx, reconcile.ActionFilter{ClusterID: "u1", Limit: 2})
	check(err)
	if len(got) != 2 || got[0].ActionID != "d" {
		t.Fatalf("actions: %+v", got)
	}
	want := finished(record("u1", "d"), true, "")
	want.CreatedAt = got[0].CreatedAt
	if diff := cmp.Diff(want, got[0], cmp.Comparer(func(a, b json.RawMessage) bool { return len(a) > 0 && len(b) > 0 })); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if all, err := c.Actions(ctx, reconcile.ActionFilter{}); err != nil || len(all) != 5 {
		t.Errorf("all: %d, %v", len(all), err)
	}
}

func sorted(ids []string) []string {
	slices.Sort(ids)
	return ids
}

func TestState(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	id := s.cluster(t, "remembered", "r 25cc")
	replica := s.value(t, "SELECT id FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = '%s'", id)
	old := fmt.Sprintf("('%s', 1, '{\"pending\": true}')", id)
	s.run(t, "INSERT INTO mz_cluster_strategy_state (cluster_id, state_version, payload) VALUES %s", old)
	if o := observeOne(t, c, id); len(o.State) > 0 || len(o.CreatedBy) > 0 {
		t.Errorf("the older tool's state counts: %+v", o)
	}
	for _, moment := range []string{"a", "b"} {
		m := reconcile.ClusterMemory{Strategies: map[string]json.RawMessage{"burst": json.RawMessage(`{"it": "` + moment + `"}`)}, Replicas: map[string]string{replica: "burst"}}
		if err := c.SaveState(t.Context(), id, m); err != nil {
			t.Fatal(err)
		}
	}
	// Another process may have added a row of its own at the same time.
	s.run(t, "INSERT INTO mz_cluster_strategy_state (cluster_id, state_version, payload, updated_at) VALUES ('%s', 2, '{\"strategies\": {}}', now() - INTERVAL '1 day'), ('%[1]s', 2, '[]', NULL)", id)
	s.run(t, "INSERT INTO mz_cluster_strategy_state (cluster_id, state_version, payload) VALUES ('u999999', 2, '{}'), ('u999999', 1, '{}')")
	if o := observeOne(t, c, id); string(o.State["burst"]) != `{"it": "b"}` || o.CreatedBy["r"] != "burst" {
		t.Errorf("state: %s, %v", o.State, o.CreatedBy)
	}
	// A cluster whose strategies are gone is still looked at for the sake of what they created.
	if all := observe(t, c); len(all.Clusters) != 1 || all.Clusters[0].ID != id {
		t.Errorf("clusters concerned: %+v", all.Clusters)
	}
	if err := c.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := []string{id + " 1", id + " 2", "u999999 1"}
	if got := s.column(t, "SELECT cluster_id || ' ' || state_version FROM mz_cluster_strategy_state ORDER BY 1"); !cmp.Equal(sorted(want), got) {
		t.Errorf("after pruning: %q", got)
	}
	if n, err := c.ResetState(t.Context(), id); n != 1 || err != nil {
		t.Errorf("reset: %d, %v", n, err)
	}
	if o := observeOne(t, c, id); len(o.State) > 0 || o.CreatedBy["r"] != "burst" {
		t.Errorf("after the reset: %+v", o)
	}
	if n, err := c.ResetState(t.Context()); n != 0 || err != nil {
		t.Errorf("second reset: %d, %v", n, err)
	}
	if got := s.value(t, "SELECT count(*)::text FROM mz_cluster_strategy_state WHERE state_version = 1"); got != "2" {
		t.Errorf("%s rows of the older tool", got)
	}
}

func TestPruneActions(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	s.run(t, `INSERT INTO mz_cluster_strategy_actions (action_id, cluster_id, decision_ctx, executed, created_at)
		SELECT 'n' || n, 'u1', '{"op": "create", "trigger": "event"}', true, now() - n * INTERVAL '1 second' FROM generate_series(1, 10005) AS n`)
	s.run(t, `INSERT INTO mz_cluster_strategy_actions (action_id, cluster_id, decision_ctx, executed, created_at) VALUES
		('old', 'u2', '{"op": "create", "trigger": "event"}', true, now() - INTERVAL '31 days'),
		('kept', 'u2', '{"op": "create", "trigger": "event"}', true, now() - INTERVAL '29 days'),
		('theirs', 'u2', '{"other": "tool"}', true, now() - INTERVAL '99 days')`)
	if err := c.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := s.column(t, "SELECT cluster_id || ' ' || count(*) || ' ' || max(action_id) FROM mz_cluster_strategy_actions GROUP BY cluster_id ORDER BY 1")
	if diff := cmp.Diff([]string{"u1 10000 n9999", "u2 2 theirs"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if oldest := s.value(t, "SELECT action_id FROM mz_cluster_strategy_actions WHERE cluster_id = 'u1' ORDER BY created_at LIMIT 1"); oldest != "n10000" {
		t.Errorf("the oldest that is left is %s", oldest)
	}
}

// Tables that are there need no right to create any.
func TestEnsureTables(t *testing.T) {
	s := newServer(t)
	s.run(t, "CREATE ROLE lodger_%s LOGIN", s.schema)
	s.run(t, "GRANT USAGE ON SCHEMA %[1]s TO lodger_%[1]s", s.schema)
	c, err := materialize.New(materialize.Config{DSN: "postgres://lodger_" + s.schema + "@" + hostOf(t, s.dsn) + "/materialize?sslmode=disable", Schema: s.schema})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var refused *materialize.TablesError
	if err := c.EnsureTables(t.Context()); err == nil || !errors.As(err, &refused) || len(refused.Statements) != 12 {
		t.Fatalf("without tables: %v", err)
	}
	for _, statement := range refused.Statements {
		s.run(t, "%s", statement)
	}
	if err := c.EnsureTables(t.Context()); err != nil {
		t.Errorf("with tables: %v", err)
	}
}

// Several proxies that start at one time do not hinder one another.
func TestEnsureTablesAtOnce(t *testing.T) {
	s := newServer(t)
	var all sync.WaitGroup
	for range 8 {
		c, err := materialize.New(materialize.Config{DSN: s.dsn, Schema: s.schema})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		all.Go(func() {
			if err := c.EnsureTables(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestPause(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	until := engine.At(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC))
	for _, p := range []engine.Pause{{Reason: "first"}, {Until: &until, Reason: "it's late", By: "me"}} {
		if err := c.SetPause(t.Context(), []string{"u7", "u8"}, p); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{`u7 pause {"by": "me", "until": "2030-01-02T03:04:05Z", "reason": "it's late"}`, `u8 pause {"by": "me", "until": "2030-01-02T03:04:05Z", "reason": "it's late"}`}
	if diff := cmp.Diff(want, s.column(t, "SELECT concat_ws(' ', cluster_id, strategy_type, config) FROM mz_cluster_strategies ORDER BY 1")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n, err := c.ClearPause(t.Context(), []string{"u7"}); n != 1 || err != nil {
		t.Errorf("cleared %d, %v", n, err)
	}
}
