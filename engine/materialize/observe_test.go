package materialize_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/strategy"
)

// newClient is a client with tables, and nothing that runs.
func newClient(t *testing.T, s *server, cfg materialize.Config) *materialize.Client {
	t.Helper()
	if cfg.DSN == "" {
		cfg.DSN = s.dsn
	}
	cfg.Schema = s.schema
	cfg.HistoryEvery = time.Millisecond
	cfg.Types = engine.NewRegistry(strategy.All()...).Types()
	if cfg.Lag == 0 {
		cfg.Lag = -1
	}
	c, err := materialize.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := c.EnsureTables(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// observe observes what is there now.
func observe(t tb, c *materialize.Client, ids ...string) engine.Snapshot {
	t.Helper()
	c.Touch()
	var s engine.Snapshot
	var err error
	for deadline := time.Now().Add(patience); ; { // it takes patience on a slow machine
		if s, err = c.Reread(context.Background(), ids...); err == nil {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// observeOne observes a cluster that has to exist.
func observeOne(t tb, c *materialize.Client, id string) engine.ClusterState {
	t.Helper()
	s := observe(t, c, id)
	if len(s.Clusters) != 1 {
		t.Fatalf("%d clusters", len(s.Clusters))
	}
	return s.Clusters[0]
}

func TestObserve(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	id := s.cluster(t, "observed", "a 25cc", "b 100cc")
	s.cluster(t, "without_strategies")
	s.run(t, "SELECT mz_sim.set('max_credit_consumption_rate', '4096')")
	s.run(t, "CREATE TABLE t (n int)")
	s.run(t, "CREATE INDEX i IN CLUSTER observed ON t (n)")
	s.run(t, "CREATE MATERIALIZED VIEW v IN CLUSTER observed AS SELECT count(*) FROM t")
	s.want(t, id, "target_size", baseline, "burst", burst)
	s.want(t, "u999999", "target_size", baseline)
	s.run(t, "SELECT mz_sim.hydrate('observed', 'a')")
	s.run(t, "SELECT mz_sim.set('hydration', '1 day')")
	defer s.run(t, "SELECT mz_sim.set('hydration', '100ms')")
	s.run(t, "SELECT mz_sim.crash('observed', 'b', 'oom-killed')")
	s.run(t, "SELECT mz_sim.crash('observed', 'b', 'error')")

	until(t, "the crashes are seen", func() bool {
		o := observeOne(t, c, id)
		b := o.Replica("b")
		return b != nil && b.CrashCount == 2
	})
	all := observe(t, c)
	if len(all.Clusters) != 1 || all.Clusters[0].ID != id {
		t.Fatalf("clusters with strategies: %+v", all.Clusters)
	}
	if !slices.ContainsFunc(all.Sizes, func(s engine.Size) bool { return s.Name == "100cc" && s.Workers == 2 && s.CreditsPerHour == 1 }) {
		t.Errorf("sizes: %+v", all.Sizes)
	}
	if all.Limits.MaxReplicasPerCluster != 5 || all.Limits.MaxCreditConsumptionRate != 4096 || all.Limits.CreditsInUse < 1.25 {
		t.Errorf("limits: %+v", all.Limits)
	}
	if late := s.value(t, "SELECT (now() - '%s' BETWEEN '0' AND INTERVAL '1 minute')::text", all.Now); late != "true" {
		t.Errorf("the snapshot is from %s", all.Now)
	}
	o := observeOne(t, c, id)
	if o.Name != "observed" || o.Managed || o.Control || *o.Objects != 2 || o.Obligations != (engine.Obligations{Indexes: 1, MaterializedViews: 1}) {
		t.Errorf("cluster: %+v", o)
	}
	if len(o.Strategies) != 2 || o.Strategies[0].Type != "burst" || o.Strategies[1].Type != "target_size" || o.Strategies[1].UpdatedAt == nil {
		t.Errorf("strategies: %+v", o.Strategies)
	}
	a, b := o.Replica("a"), o.Replica("b")
	if !a.Online || !*a.Hydrated || *a.HydratedObjects != 2 || a.CrashCount != 0 || a.CreatedAt == nil || a.ID == "" {
		t.Errorf("replica a: %+v", a)
	}
	if *b.Hydrated || b.OOMCount != 1 {
		t.Errorf("replica b: %+v", b)
	}
	control := observeOne(t, c, s.id(t, "quickstart"))
	if !control.Control || !control.Managed {
		t.Errorf("control cluster: %+v", control)
	}
	if got := observe(t, c, "u999999"); len(got.Clusters) != 0 {
		t.Errorf("a cluster that does not exist: %+v", got.Clusters)
	}
}

// What is asked at the point of action is of that moment: the name, the kind and the replicas, and all the rest where the action rests on it.
func TestRecheck(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	id := s.cluster(t, "rechecked", "a 25cc", "b 50cc")
	s.run(t, "CREATE TABLE again (n int)")
	first := observe(t, c, id)
	s.run(t, "ALTER CLUSTER rechecked RENAME TO rechecked2")
	s.run(t, "CREATE CLUSTER REPLICA rechecked2.c (SIZE '25cc')")
	s.run(t, "DROP CLUSTER REPLICA rechecked2.b")
	s.run(t, "CREATE INDEX again_idx IN CLUSTER rechecked2 ON again (n)")
	s.want(t, id, "burst", burst)
	some, err := c.Recheck(t.Context(), first, false)
	if err != nil {
		t.Fatal(err)
	}
	if o := some.Clusters[0]; o.Name != "rechecked2" || o.Replica("b") == nil || len(o.Strategies) > 0 {
		t.Errorf("what little rests on: %+v", o)
	}
	effect, err := c.Effect(t.Context(), some)
	if err != nil {
		t.Fatal(err)
	}
	if o := effect.Clusters[0]; len(o.Replicas) != 2 || o.Replica("a").ID != first.Clusters[0].Replica("a").ID || o.Replica("c").Size != "25cc" || o.Replica("c").ID == "" {
		t.Errorf("after a statement: %+v", o)
	}
	all, err := c.Recheck(t.Context(), first, true)
	if err != nil {
		t.Fatal(err)
	}
	if o := all.Clusters[0]; o.Name != "rechecked2" || len(o.Replicas) != 2 || o.Replica("b") != nil || *o.Objects != 1 || len(o.Strategies) != 1 {
		t.Errorf("what everything rests on: %+v", o)
	}
	s.run(t, "DROP CLUSTER rechecked2 CASCADE")
	for _, whole := range []bool{false, true} {
		if again, err := c.Recheck(t.Context(), first, whole); err != nil || len(again.Clusters) != 0 {
			t.Errorf("a cluster that is gone: %+v, %v", again.Clusters, err)
		}
	}
}

// What the server itself scales is told, whichever of the mechanisms the server has.
func TestObserveNative(t *testing.T) {
	t.Parallel()
	own, err := startSim("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	s := connect(t, own.DSN())
	s.run(t, "SELECT mz_sim.set('enable_cluster_schedule_refresh', 'on')")
	s.run(t, "CREATE CLUSTER scheduled (SIZE '25cc', SCHEDULE = ON REFRESH)")
	s.run(t, "CREATE CLUSTER scaled (SIZE '25cc', AUTO SCALING STRATEGY = (ON HYDRATION (HYDRATION SIZE = '50cc')))")
	s.run(t, "CREATE CLUSTER plain REPLICAS ()")
	native := func() string {
		r := newRig(t, s, rigOptions{stopped: true, noLease: true}) // which remembers nothing
		s.run(t, "DELETE FROM mz_cluster_strategies")
		s.want(t, s.id(t, "scheduled"), "target_size", `{"target_size": "50cc"}`)
		var plan engine.Plan
		until(t, "the server is watched", func() bool {
			var err error
			_, plan, err = r.reconciler.Explain(t.Context())
			return err == nil
		})
		said := fmt.Sprint(len(plan.Clusters[0].Actions), " actions")
		for _, g := range plan.Clusters[0].Guards {
			said += ", " + string(g.Name) + ": " + g.Text
		}
		for _, name := range []string{"plain", "scaled", "scheduled"} {
			o := observeOne(t, r.client, s.id(t, name))
			burst := ""
			if o.Shape != nil {
				burst = o.Shape.Burst
			}
			said += fmt.Sprintf(", %s %q %q", name, o.Schedule, burst)
		}
		return said
	}
	for _, test := range []struct{ statement, want string }{
		{"SELECT 1", `0 actions, plain "" "", scaled "manual" "50cc", scheduled "on-refresh" ""`},
		{"DROP VIEW mz_internal.mz_cluster_auto_scaling_strategies", `0 actions, plain "" "", scaled "manual" "", scheduled "on-refresh" ""`},
		{"DROP VIEW mz_internal.mz_cluster_schedules", `1 actions, plain "" "", scaled "" "", scheduled "" ""`},
	} {
		s.run(t, "%s", test.statement)
		if diff := cmp.Diff(test.want, native()); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", test.statement, diff)
		}
	}
}

// A replica that came online a moment ago does not count yet, and the observation tells when it will.
func TestObserveLag(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{Lag: time.Hour})
	id := s.cluster(t, "fresh", "r 25cc")
	s.run(t, "SELECT mz_sim.hydrate('fresh', 'r')")
	var first engine.Snapshot
	until(t, "the replica is seen online", func() bool {
		first = observe(t, c, id)
		return first.Clusters[0].SettledAt != nil
	})
	o := first.Clusters[0]
	if o.Ready(o.Replicas[0]) || o.SettledAt == nil || o.SettledAt.Sub(first.Now.Time) > time.Hour {
		t.Errorf("at first: %+v", o)
	}
	s.run(t, "SELECT mz_sim.advance('1 hour')")
	if o := observeOne(t, c, id); !o.Ready(o.Replicas[0]) || o.SettledAt != nil {
		t.Errorf("an hour later: %+v", o)
	}
}

// A look takes a picture: it asks the server nothing, however many clusters there are.
func TestLooksAskNothing(t *testing.T) {
	own := ownServer(t)
	c := newClient(t, own, materialize.Config{})
	for i := range 8 {
		own.want(t, own.cluster(t, fmt.Sprint("many_", i), "r 25cc"), "target_size", baseline, "burst", burst)
	}
	until(t, "all is known of the replicas", func() bool {
		return !slices.ContainsFunc(observe(t, c).Clusters, func(o engine.ClusterState) bool { return !o.Replicas[0].Online || o.Replicas[0].CreatedAt == nil })
	})
	mark := func(name string) {
		if _, err := c.Find(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	mark("the_beginning")
	for range 20 {
		if s, err := c.Observe(t.Context()); err != nil || len(s.Clusters) != 8 {
			t.Fatal(s.Clusters, err)
		}
		if _, err := c.Catalog(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	mark("the_end")
	of := func(name string) string {
		return fmt.Sprintf("SELECT began_at FROM mz_internal.mz_recent_activity_log WHERE application_name = '%s' AND sql LIKE '%%''%s''%%'", materialize.ApplicationName, name)
	}
	until(t, "the end is logged", func() bool { return len(own.column(t, "SELECT began_at::text FROM (%s) x", of("the_end"))) == 1 })
	if asked := own.column(t, "SELECT sql FROM mz_internal.mz_recent_activity_log WHERE application_name = '%s' AND began_at > (%s) AND began_at < (%s)",
		materialize.ApplicationName, of("the_beginning"), of("the_end")); len(asked) > 0 {
		t.Errorf("asked: %q", asked)
	}
}

// Ids in a list that is too long for a statement are sorted out afterwards.
func TestObserveManyIDs(t *testing.T) {
	s := newServer(t)
	c := newClient(t, s, materialize.Config{})
	id := s.cluster(t, "needle", "r 25cc")
	s.want(t, s.cluster(t, "hay"), "target_size", baseline)
	s.want(t, id, "target_size", baseline)
	ids := []string{id}
	for range 2000 {
		ids = append(ids, "u"+strings.Repeat("9", 1000))
	}
	got := observe(t, c, ids...)
	if len(got.Clusters) != 1 || got.Clusters[0].ID != id || len(got.Clusters[0].Replicas) != 1 || len(got.Clusters[0].Strategies) != 1 {
		t.Errorf("clusters: %+v", got.Clusters)
	}
}

// wire is what a proxy saw.
type wire map[string]engine.Activity

func (w wire) Activity() map[string]engine.Activity { return w }

func TestActivity(t *testing.T) {
	s := newServer(t)
	id := s.cluster(t, "used", "r 25cc")
	s.run(t, "SELECT mz_sim.hydrate('used', 'r')")
	seen := wire{}
	c := newClient(t, s, materialize.Config{Activity: seen})
	state := func() usage { return usageOf(t, c, id) }

	if o := state(); o.LastActivity != nil || o.ActivityUnknown != "" {
		t.Errorf("never used: %+v", o)
	}
	s.run(t, "SELECT mz_sim.activity('used', now() - INTERVAL '10 minutes')")
	c = newClient(t, s, materialize.Config{Activity: seen}) // which remembers nothing
	if o := state(); o.LastActivity == nil || o.ActivitySource != "a select in statement history" || !o.about(10*time.Minute) {
		t.Errorf("used ten minutes ago: %+v", o)
	}
	seen["used"] = engine.Activity{Last: time.Now().Add(-3 * time.Minute)}
	if o := state(); o.ActivitySource != "the proxy" || !o.about(3*time.Minute) {
		t.Errorf("seen on the wire three minutes ago: %+v", o)
	}
	s.run(t, "SELECT mz_sim.advance('1 minute')")
	observe(t, c) // notes the move
	if o := state(); !o.about(4 * time.Minute) {
		t.Errorf("a minute later: %+v", o)
	}
	seen["used"] = engine.Activity{Last: time.Now().Add(-3 * time.Minute), Busy: true}
	if o := state(); o.ActivitySource != "a session of the proxy" || !o.about(0) {
		t.Errorf("busy on the wire: %+v", o)
	}
	delete(seen, "used")

	subscriber := connect(t, s.dsn, "cluster=used")
	s.run(t, "CREATE TABLE watched (n int)")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = subscriber.PgConn().CopyTo(ctx, discard{}, "COPY (SUBSCRIBE "+s.schema+".watched) TO STDOUT")
	}()
	until(t, "the SUBSCRIBE counts", func() bool { return state().about(0) })
	cancel()
	<-ended
	until(t, "it does not count any more", func() bool { return strings.HasSuffix(state().ActivitySource, "in statement history") })

	// A statement that waits for a replica runs, and has no end in the history.
	s.run(t, "CREATE INDEX watched_idx IN CLUSTER used ON watched (n)")
	s.run(t, "SELECT mz_sim.activity('used', now() - INTERVAL '10 minutes')")
	c = newClient(t, s, materialize.Config{Activity: seen})
	s.run(t, "SELECT mz_sim.set('hydration', '1 day')")
	defer s.run(t, "SELECT mz_sim.set('hydration', '100ms')")
	s.run(t, "SELECT mz_sim.crash('used', 'r', 'error')")
	reader := connect(t, s.dsn, "cluster=used")
	ended = make(chan struct{})
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		defer close(ended)
		_, _ = reader.Exec(ctx, "SELECT * FROM "+s.schema+".watched")
	}()
	until(t, "the statement counts", func() bool { return state().ActivitySource == "a select that is running" })
	cancel()
	<-ended
}

// A cluster that was last used before the time that its strategy asks about is
// idle, however young the strategy's row is; one that was never used is new.
func TestActivityLongAgo(t *testing.T) {
	s := newServer(t)
	used, fresh := s.cluster(t, "long_ago"), s.cluster(t, "never")
	s.run(t, "SELECT mz_sim.activity('long_ago', now() - INTERVAL '5 days')")
	c := newClient(t, s, materialize.Config{})
	for _, id := range []string{used, fresh} {
		s.want(t, id, "idle_suspend", `{"idle_after_s": 60}`)
	}
	if o := usageOf(t, c, used); !o.about(5 * 24 * time.Hour) {
		t.Errorf("used five days ago: %+v", o)
	}
	if o := usageOf(t, c, fresh); o.LastActivity != nil || o.ActivityUnknown != "" {
		t.Errorf("never used: %+v", o)
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// usage is a cluster with how long ago it was used.
type usage struct {
	engine.ClusterState
	ago time.Duration
}

func usageOf(t tb, c *materialize.Client, id string) usage {
	t.Helper()
	c.Touch()
	s, err := c.Foresee(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	u := usage{s.Clusters[0], -1}
	if u.LastActivity != nil {
		u.ago = s.Now.Sub(u.LastActivity.Time)
	}
	return u
}

// about tells whether the use was so long ago, give or take what a test takes.
func (u usage) about(d time.Duration) bool {
	return u.LastActivity != nil && (u.ago-d).Abs() < 50*time.Second
}

// Where the history does not tell, activity is unknown, unless there is another sign of it.
func TestActivityUnknown(t *testing.T) {
	s := newServer(t)
	id := s.cluster(t, "dark", "r 25cc")
	s.run(t, "SELECT mz_sim.activity('dark', now() - INTERVAL '10 minutes')")
	seen := wire{}
	logging := func(value string) { s.run(t, "SELECT mz_sim.set('statement_logging', '%s')", value) }
	defer logging("on")
	for value, want := range map[string]string{"off": "statement logging is off", "0.5": "statement logging is sampled at 0.5", "0.98": "statement logging is sampled at 0.98", "1": "", "on": ""} {
		logging(value)
		c := newClient(t, s, materialize.Config{Activity: seen})
		if u := usageOf(t, c, id); u.ActivityUnknown != want || !u.about(10*time.Minute) {
			t.Errorf("%s: %q, %v", value, u.ActivityUnknown, u.LastActivity)
		}
		seen["dark"] = engine.Activity{Last: time.Now().Add(-5 * time.Minute)}
		if u := usageOf(t, c, id); u.ActivityUnknown != want || !u.about(5*time.Minute) {
			t.Errorf("%s, seen on the wire: %q, %v", value, u.ActivityUnknown, u.LastActivity)
		}
		seen["dark"] = engine.Activity{Busy: true}
		if u := usageOf(t, c, id); u.ActivityUnknown != "" || !u.about(0) {
			t.Errorf("%s, in use on the wire: %q, %v", value, u.ActivityUnknown, u.LastActivity)
		}
		delete(seen, "dark")
	}
}

// What was hidden while the history did not tell may have been a use.
func TestActivityAfterBlindness(t *testing.T) {
	s := newServer(t)
	id := s.cluster(t, "dawn", "r 25cc")
	s.run(t, "SELECT mz_sim.activity('dawn', now() - INTERVAL '10 minutes')")
	s.run(t, "SELECT mz_sim.set('statement_logging', 'off')")
	defer s.run(t, "SELECT mz_sim.set('statement_logging', 'on')")
	c := newClient(t, s, materialize.Config{})
	if u := usageOf(t, c, id); u.ActivityUnknown == "" {
		t.Errorf("%+v", u)
	}
	s.run(t, "SELECT mz_sim.set('statement_logging', 'on')")
	var u usage
	until(t, "activity is known", func() bool {
		u = usageOf(t, c, id)
		return u.ActivityUnknown == ""
	})
	if !u.about(0) {
		t.Errorf("%s ago, by %s, unknown: %q", u.ago, u.ActivitySource, u.ActivityUnknown)
	}
}

// A role that may not read the history sees no activity, and knows that.
func TestActivityOutOfReach(t *testing.T) {
	s := newServer(t)
	newClient(t, s, materialize.Config{})
	id := s.cluster(t, "private", "r 25cc")
	s.run(t, "CREATE ROLE stranger_%s LOGIN", s.schema)
	s.run(t, "GRANT USAGE ON SCHEMA %[1]s TO stranger_%[1]s", s.schema)
	s.run(t, "GRANT ALL ON ALL TABLES IN SCHEMA %[1]s TO stranger_%[1]s", s.schema)
	c := newClient(t, s, materialize.Config{DSN: strings.Replace(s.dsn, "materialize@", "stranger_"+s.schema+"@", 1)})
	if u := usageOf(t, c, id); !strings.HasPrefix(u.ActivityUnknown, "statement history cannot be read") {
		t.Errorf("unknown: %q", u.ActivityUnknown)
	}
}
