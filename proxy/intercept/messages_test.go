package intercept_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy/intercept"
)

var update = flag.Bool("update", false, "rewrite testdata/messages.txt")

const messagesFile = "../../testdata/messages.txt"

// Every message that a user can meet, in one file, to be read as a whole.
func TestMessages(t *testing.T) {
	var b strings.Builder
	b.WriteString("Every message that a user can meet: what was done, and what is said.\n")
	for _, m := range messages {
		fmt.Fprintf(&b, "\n-- %s\n", m.when)
		var settings []func(*rig, *reconcile.Config, *intercept.Config)
		if m.settings != nil {
			settings = append(settings, m.settings)
		}
		r := newRig(t, settings...)
		if m.before != nil {
			m.before(r)
		}
		for _, sql := range m.sql {
			out := r.run(t.Context(), sql, func() string { return r.store(m.stores) })
			fmt.Fprintf(&b, "%s;\n%s", sql, out)
		}
		if m.then != nil {
			b.WriteString(m.then(t.Context(), r).String())
		}
	}
	want, err := os.ReadFile(messagesFile)
	if err != nil && !*update {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(messagesFile, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("%s differs (-update rewrites it):\n%s", messagesFile, diff)
	}
}

// store is what the server does with a write of the messages.
func (r *rig) store(rows []row) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range rows {
		now := r.now
		one.updated = &now
		r.rows = append(r.rows, one)
	}
	return fmt.Sprintf("INSERT 0 %d", len(rows))
}

type message struct {
	when     string
	settings func(*rig, *reconcile.Config, *intercept.Config)
	before   func(*rig)
	sql      []string
	stores   []row
	then     func(context.Context, *rig) *result
}

func insert(values string) []string {
	return []string{"INSERT INTO mz_cluster_strategies VALUES (" + values + ")"}
}

const targetSmall = `{"target_size": "small"}`

var target = []row{{"u2", "target_size", targetSmall, nil}}

func (r *rig) replica(cluster, name, size string, ready bool) {
	r.find(cluster).replicas[name] = &engine.Replica{ID: name, Name: name, Size: size, Online: ready, Hydrated: &ready}
}

func away(r *rig) { r.away = errors.New("failed to connect: connection refused") }

func limited(role engine.Role) func(*rig) { return func(r *rig) { r.role = role } }

var alice = engine.Role{ID: "u7", Name: "alice"}

var messages = []message{
	{when: "a replica is created", sql: insert(`'prod', 'target_size', '` + targetSmall + `'`), stores: target},
	{when: "a replica is dropped", before: func(r *rig) { r.replica("u2", "old", "large", true); r.replica("u2", "r_small", "small", true) },
		sql: insert(`'prod', 'target_size', '` + targetSmall + `'`), stores: target},
	{when: "the server refuses the statement", before: func(r *rig) { r.refuses = &reconcile.ServerError{Code: "53000", Message: "no room"} },
		sql: insert(`'prod', 'target_size', '` + targetSmall + `'`), stores: target},
	{when: "the proxy only observes", settings: func(_ *rig, c *reconcile.Config, _ *intercept.Config) { c.Observe = true },
		sql: insert(`'prod', 'target_size', '` + targetSmall + `'`), stores: target},
	{when: "a statement leads to more than five actions", sql: []string{"COPY mz_cluster_strategies FROM STDIN"}, stores: []row{
		{"u2", "target_size", targetSmall, nil}, {"u2", "burst", `{"burst_replica_size": "large"}`, nil}, {"u3", "target_size", targetSmall, nil},
		{"u3", "burst", `{"burst_replica_size": "large"}`, nil}, {"u4", "target_size", targetSmall, nil}, {"u4", "burst", `{"burst_replica_size": "large"}`, nil}, {"u4", "magic", `{}`, nil}}},
	{when: "an older row is superseded", before: func(r *rig) { r.store(target); r.now = r.now.Add(time.Minute) },
		sql: insert(`'prod', 'target_size', '{"target_size": "large"}'`), stores: []row{{"u2", "target_size", `{"target_size": "large"}`, nil}}},
	{when: "a row of somebody else is dated in the future", before: func(r *rig) {
		future := r.now.AddDate(5, 0, 0)
		r.rows = append(r.rows, row{"u2", "target_size", `{"target_size": "large"}`, &future})
	}, sql: insert(`'prod', 'target_size', '` + targetSmall + `'`), stores: target},
	{when: "a transaction that began before another one's commit", sql: nil, then: func(ctx context.Context, r *rig) *result {
		return r.run(ctx, insert(`'prod', 'target_size', '` + targetSmall + `'`)[0], func() string {
			before, since := r.now.Add(-time.Minute), r.now.Add(-time.Second)
			r.rows = append(r.rows, row{"u2", "target_size", targetSmall, &before}, row{"u2", "target_size", `{"target_size": "large"}`, &since})
			return "INSERT 0 1"
		})
	}},
	{when: "the cluster is dropped before the commit", sql: nil, then: func(ctx context.Context, r *rig) *result {
		return r.run(ctx, insert(`'prod', 'target_size', '` + targetSmall + `'`)[0], func() string {
			r.clusters = slices.DeleteFunc(r.clusters, func(c *cluster) bool { return c.ID == "u2" })
			return r.store(target)
		})
	}},
	{when: "clusters with strategies are renamed, swapped, dropped", before: func(r *rig) {
		r.store([]row{{"u2", "pause", `{}`, nil}, {"u3", "pause", `{}`, nil}, {"u3", "burst", `{"burst_replica_size": "large"}`, nil}})
	}, then: func(ctx context.Context, r *rig) *result {
		out := &result{}
		for _, step := range []struct {
			sql string
			do  func()
		}{
			{"ALTER CLUSTER prod RENAME TO production", func() { r.find("u2").Name = "production" }},
			{"ALTER CLUSTER dev RENAME TO development", func() { r.find("u4").Name = "development" }},
			{"ALTER CLUSTER staging SWAP WITH production", func() { r.find("u2").Name, r.find("u3").Name = "staging", "production" }},
			{"DROP CLUSTER production CASCADE", func() { r.clusters = slices.DeleteFunc(r.clusters, func(c *cluster) bool { return c.ID == "u3" }) }},
		} {
			out.notices = append(out.notices, r.run(ctx, step.sql, func() string { step.do(); return "ALTER CLUSTER" }).notices...)
		}
		return out
	}},
	{when: "the table of the strategies is dropped", then: func(ctx context.Context, r *rig) *result {
		return r.run(ctx, "DROP TABLE IF EXISTS public.mz_cluster_strategies", func() string { r.rows = nil; return "DROP TABLE" })
	}},
	{when: "two rows of a type at once", sql: []string{`INSERT INTO mz_cluster_strategies VALUES ('prod', 'pause', '{}'), ('prod', 'pause', '{"reason": "x"}')`},
		stores: []row{{"u2", "pause", `{}`, nil}, {"u2", "pause", `{"reason": "x"}`, nil}}},
	{when: "a strategy is deleted whose replica stays", before: func(r *rig) {
		r.replica("u2", "r_small", "small", true)
		r.find("u2").memory.Replicas["r_small"] = "target_size"
		r.store(target)
	}, sql: nil, then: func(ctx context.Context, r *rig) *result {
		return r.run(ctx, "DELETE FROM mz_cluster_strategies", func() string { r.rows = nil; return "DELETE 1" })
	}},
	{when: "an action is held back", before: func(r *rig) { r.store([]row{{"u2", "pause", `{"by": "bob", "reason": "migration"}`, nil}}) },
		sql: insert(`'prod', 'target_size', '` + targetSmall + `'`), stores: target},
	{when: "all clusters are paused, and then a strategy is written", sql: append([]string{"PAUSE STRATEGIES FOR '1 hour' WITH REASON 'migration'"}, insert(`'prod', 'target_size', '` + targetSmall + `'`)[0]), stores: target,
		then: func(ctx context.Context, r *rig) *result {
			out := r.run(ctx, "RESUME STRATEGIES FOR CLUSTER prod", nil)
			resumed := r.run(ctx, "RESUME STRATEGIES", nil)
			out.notices = append(out.notices, resumed.notices...)
			return out
		}},
	{when: "rows that were copied are wrong", sql: []string{"COPY mz_cluster_strategies FROM STDIN"},
		stores: []row{{"u2", "target_size", `{"target_size": "huge"}`, nil}, {"u3", "magic", `{}`, nil}, {"u5", "burst", `{}`, nil}, {"prod", "burst", `{}`, nil}, {"u99", "burst", `{}`, nil}}},
	{when: "what a strategy remembered cannot be read", before: func(r *rig) { r.find("u2").memory.Strategies["target_size"] = json.RawMessage(`"?"`) },
		sql: insert(`'prod', 'target_size', '` + targetSmall + `'`), stores: target},
	{when: "the engine is slower than a client waits", settings: func(r *rig, _ *reconcile.Config, c *intercept.Config) {
		c.NoticeWait = time.Nanosecond
		r.hold = make(chan struct{})
	}, sql: insert(`'prod', 'target_size', '` + targetSmall + `'`), stores: target,
		then: func(_ context.Context, r *rig) *result { close(r.hold); return &result{} }},
	{when: "the controller loses the server behind a write", sql: nil, then: func(ctx context.Context, r *rig) *result {
		return r.run(ctx, insert(`'prod', 'target_size', '` + targetSmall + `'`)[0], func() string { away(r); return r.store(target) })
	}},
	{when: "the controller has lost the server", before: away, sql: []string{insert(`'prod', 'target_size', '` + targetSmall + `'`)[0], "SHOW STRATEGIES", "APPLY STRATEGIES FOR CLUSTER prod"}},
	{when: "the controller has lost the server after a while", sql: []string{"SHOW STRATEGIES"}, then: func(ctx context.Context, r *rig) *result {
		away(r)
		return r.run(ctx, "SHOW STRATEGIES", nil)
	}},
	{when: "a role that may not", before: limited(alice), sql: []string{
		insert(`'prod', 'target_size', '` + targetSmall + `'`)[0], "COPY mz_cluster_strategies FROM STDIN", "PAUSE STRATEGIES FOR CLUSTER prod", "PAUSE STRATEGIES"}},
	{when: "a role that may not, and a name of which it is not known what it means", before: limited(alice), sql: nil, then: func(ctx context.Context, r *rig) *result {
		return second(ctx, r, "RESET search_path; DELETE FROM mz_cluster_strategies")
	}},
	{when: "a controller that may not", before: func(r *rig) { r.controller = engine.Role{ID: "u12", Name: "mz proxy"} }, sql: insert(`'prod', 'target_size', '` + targetSmall + `'`)},
	{when: "what the controller needs is not there", sql: nil, then: func(ctx context.Context, r *rig) *result {
		out := &result{}
		for _, missing := range []*reconcile.ServerError{
			{Code: "XX000", Message: `unknown catalog item 'public.mz_cluster_strategies'`, Hint: "The proxy makes it again."},
			{Code: "0A000", Message: `CLUSTER "quickstart" has no replicas available to service request`, Hint: "Give the control cluster a replica."},
		} {
			r.away = fmt.Errorf("read strategies: %w", missing)
			one := r.run(ctx, "EXPLAIN STRATEGY", nil)
			out.notices = append(out.notices, one.notices...)
			out.err = one.err
		}
		return out
	}},
	{when: "a role that may not read", before: limited(engine.Role{ID: "u8", Name: "stranger"}), sql: []string{"SHOW STRATEGY STATUS", "SHOW STRATEGY ACTIONS"}},
	{when: "a plan inside a transaction that has written", before: func(r *rig) { r.status = 'T' }, sql: append(insert(`'prod', 'pause', '{}'`), "EXPLAIN STRATEGY")},
	{when: "a name that is used twice", sql: nil, then: twice},
	{when: "a transaction that has failed", before: func(r *rig) { r.status = 'E' }, sql: []string{"SHOW STRATEGIES"}},
	{when: "settings at the start", settings: func(r *rig, _ *reconcile.Config, _ *intercept.Config) {
		r.startup["options"] = "-c strategy.notices=loud"
	},
		then: func(_ context.Context, r *rig) *result { return &result{notices: r.greeting()} }},
	{when: "what is there, and what is not", sql: []string{"PAUSE STRATEGIES", "RESUME STRATEGIES", "APPLY STRATEGIES", "RESET STRATEGY STATE", "PAUSE STRATEGIES FOR CLUSTER prod FOR '1 hour' WITH REASON 'test'",
		"PAUSE STRATEGIES UNTIL '2020-01-01'", "SET LOCAL strategy.notices = off"}},
	{when: "an INSERT that is refused", sql: []string{
		insert(`'', 'target_size', '{}'`)[0], insert(`'prd', 'target_size', '{}'`)[0], insert(`'who knows', 'target_size', '{}'`)[0], insert(`'quickstart', 'target_size', '{}'`)[0], insert(`'mz_system', 'target_size', '{}'`)[0],
		insert(`'prod', 'busrt', '{}'`)[0], insert(`'prod', 'target_size', '{'`)[0], insert(`'prod', 'target_size', '{“target_size”: “small”}'`)[0], insert(`'prod', 'target_size', '[]'`)[0], insert(`'prod', 'target_size', '{}'`)[0],
		insert(`'prod', 'target_size', '{"size": "small"}'`)[0], insert(`'prod', 'target_size', '{"target_size": "smal"}'`)[0], insert(`'prod', 'target_size', '{"target_size": 1}'`)[0],
		insert(`'prod', 'target_size', '{"target_size": "small", "replica_name": ""}'`)[0],
		insert(`'prod', 'idle_suspend', '{"idle_after_s": -1}'`)[0], insert(`'prod', 'shrink_to_fit', '{"max_replica_size": "small", "min_oom_count": 1.5}'`)[0],
		insert(`'prod', 'idle_suspend', '{"idle_after_s": 1, "allow_stop_maintenance": "yes"}'`)[0], insert(`'prod', 'pause', '{"until": "soon"}'`)[0], insert(`'prod', 'magic', '{}'`)[0], insert(`'staging ', 'burst', '{}'`)[0]}},
	{when: "an INSERT for a managed cluster that is refused", before: func(r *rig) { r.noAutoScaling = "AUTO SCALING STRATEGY needs Materialize v26.35, and this is v26.30" }, sql: []string{
		insert(`'managed', 'target_size', '{}'`)[0], insert(`'managed', 'target_size', '{"target_size": "large", "replica_name": "main"}'`)[0], insert(`'managed', 'target_size', '{"target_size": "large", "replicas": 0}'`)[0],
		insert(`'managed', 'shrink_to_fit', '{"max_replica_size": "large"}'`)[0], insert(`'managed', 'burst', '{"burst_replica_size": "large"}'`)[0], insert(`'scheduled', 'target_size', '{}'`)[0],
		"EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ('managed', 'shrink_to_fit', '{\"max_replica_size\": \"large\"}')"}},
	{when: "a managed cluster is altered", sql: insert(`'managed', 'target_size', '{"target_size": "large", "replicas": 2}'`), stores: []row{{"u5", "target_size", `{"target_size": "large", "replicas": 2}`, nil}}},
	{when: "a managed cluster cannot be altered", before: func(r *rig) {
		r.refuses = &reconcile.ServerError{Code: "XX000", Message: "Enable zero-downtime reconfiguration for alter cluster is not available"}
	},
		sql: insert(`'managed', 'target_size', '{"target_size": "large"}'`), stores: []row{{"u5", "target_size", `{"target_size": "large"}`, nil}}},
	{when: "a managed cluster is changed by somebody else", before: func(r *rig) {
		r.refuses = &reconcile.ServerError{Code: "55006", Message: "cannot alter clusters with pending updates"}
	},
		stores: []row{{"u5", "target_size", `{"target_size": "medium"}`, nil}, {"u5", "burst", `{"burst_replica_size": "large"}`, nil}},
		sql:    append(insert(`'managed', 'target_size', '{"target_size": "medium"}'`), "EXPLAIN STRATEGY FOR CLUSTER managed", "SHOW STRATEGY STATUS", "SHOW STRATEGY ACTIONS")},
	{when: "rows have no meaning on the kind that a cluster became", sql: insert(`'managed', 'target_size', '{"target_size": "large"}'`), stores: []row{{"u5", "target_size", `{"target_size": "large", "replica_name": "main"}`, nil}}},
	{when: "a cluster's name is another one's id", before: func(r *rig) { r.find("u3").Name = "u2" }, sql: []string{
		insert(`'u2', 'target_size', '` + targetSmall + `'`)[0], "DELETE FROM mz_cluster_strategies WHERE cluster_id = 'u2'", "PAUSE STRATEGIES FOR CLUSTER u2", "EXPLAIN STRATEGY FOR CLUSTER u2"}},
	{when: "an experimental strategy that is not enabled", settings: func(_ *rig, _ *reconcile.Config, c *intercept.Config) { c.EnableExperimental = false },
		sql: insert(`'prod', 'shrink_to_fit', '{"max_replica_size": "small"}'`)},
	{when: "more replicas than the server allows", before: func(r *rig) { r.limit = 1; r.replica("u2", "a", "large", true) },
		sql: insert(`'prod', 'target_size', '` + targetSmall + `'`)},
	{when: "a what-if that is refused", sql: []string{
		"EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies (cluster_id, kind) VALUES ('prod', 'burst')",
		"EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies (cluster_id, strategy_type) VALUES ('prod', 'burst')",
		"EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ($1, 'pause', '{}')",
		"EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies SELECT * FROM t",
		"EXPLAIN STRATEGY INSERT INTO t VALUES (1)", "EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES (,)"}},
	{when: "a command that is malformed", sql: []string{"EXPLAIN STRATEGY prod", "EXPLAIN STRATEGY FOR CLUSTER prd", "EXPLAIN STRATEGY (FORMAT XML)", "SHOW STRATEGY", "SHOW STRATGIES", "EXPLAIN STRATEGYS FOR CLUSTER prod", "SHOW STRATEGIES prod", `SHOW STRATEGIES LIKE 'a\'`,
		"SHOW STRATEGY ACTIONS LIMIT 0", "PAUSE STRATEGIES FOR 'long'", "PAUSE STRATEGIES UNTIL 'then'", "APPLY STRATEGIES NOW", "SET strategy.notices = some", "SET strategy.notice = off"}},
}
