package materialize_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"
	"pgregory.net/rapid"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/strategy"
)

// model drives a stand-in and reconcilers through random events and faults, and knows what
// has to hold whatever happens.
type model struct {
	*server
	clusters map[string]string // names by id
	life     *life
	hands    int
}

// life is a reconciler between a start and a kill.
type life struct {
	*materialize.Client
	model      *model
	cutter     *cutter
	reconciler *engine.Reconciler
	planner    engine.Planner
	dead       atomic.Bool // nothing of what it does arrives any more
	faultStep  atomic.Pointer[string]
	fault      func()

	mu         sync.Mutex
	violations []string
}

var errDead = errors.New("killed")

func (m *model) newLife(t *testing.T) *life {
	t.Helper()
	l := &life{model: m, cutter: newCutter(t, hostOf(t, m.dsn)), planner: engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}}
	var err error
	dsn := strings.Replace(l.cutter.dsn(m.dsn), "materialize@", "controller@", 1)
	if l.Client, err = materialize.New(materialize.Config{DSN: dsn, Schema: m.schema, Lag: -1, EnableExperimental: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	log := logrus.New()
	log.SetOutput(io.Discard)
	l.reconciler, err = engine.NewReconciler(engine.ReconcilerConfig{
		Planner: l.planner, Observer: l, Executor: l, Recorder: l, Logger: log,
		Step: func(step string) {
			if at := l.faultStep.Load(); at != nil && *at == step {
				l.faultStep.Store(nil)
				l.fault()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (l *life) Observe(ctx context.Context, ids ...string) (engine.Snapshot, error) {
	if l.dead.Load() {
		return engine.Snapshot{}, errDead
	}
	return l.Client.Observe(ctx, ids...)
}

func (l *life) Begin(ctx context.Context, r engine.ActionRecord) error {
	if l.dead.Load() {
		return errDead
	}
	return l.Client.Begin(ctx, r)
}

func (l *life) Finish(ctx context.Context, r engine.ActionRecord) error {
	if l.dead.Load() {
		return errDead
	}
	return l.Client.Finish(ctx, r)
}

func (l *life) Forget(ctx context.Context, id string) error {
	if l.dead.Load() {
		return errDead
	}
	return l.Client.Forget(ctx, id)
}

func (l *life) SaveState(ctx context.Context, id string, m engine.ClusterMemory) error {
	if l.dead.Load() {
		return errDead
	}
	return l.Client.SaveState(ctx, id, m)
}

// Execute looks, before a drop, whether the server agrees that it does no harm.
func (l *life) Execute(ctx context.Context, a engine.Action) error {
	if l.dead.Load() {
		return errors.Join(engine.ErrNoAnswer, errDead)
	}
	if a.Op == engine.OpDrop {
		if err := l.harmless(ctx, a); err != nil {
			l.mu.Lock()
			l.violations = append(l.violations, err.Error())
			l.mu.Unlock()
		}
	}
	return l.Client.Execute(ctx, a)
}

// readyReplicas are the replicas that are online, with everything hydrated that their clusters maintain, by the server's
// own tables.
const readyReplicas = `SELECT r.name FROM mz_sim.replica_states s JOIN mz_sim.replicas r ON r.id = s.replica_id JOIN mz_sim.clusters c ON c.id = r.cluster_id
	WHERE s.online AND NOT EXISTS (SELECT FROM mz_sim.hydration h WHERE h.replica_id = r.id AND h.hydrated_at > now()) AND `

func (l *life) harmless(ctx context.Context, a engine.Action) error {
	conn, err := pgx.Connect(ctx, l.model.dsn)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var n int
	where := "'DROP CLUSTER REPLICA \"' || c.name || '\".\"' || " + engine.QuoteLiteral(a.Replica) + " || '\"' = " + engine.QuoteLiteral(a.SQL)
	if a.Reasons[0].Strategy == "idle_suspend" {
		err := conn.QueryRow(ctx, `SELECT count(*) FROM mz_sim.clusters c WHERE `+where+` AND (mz_sim.logging_rate() < 1
			OR EXISTS (SELECT FROM mz_sim.statements x WHERE x.cluster_id = c.id AND (x.finished_at IS NULL OR x.finished_at > now() - INTERVAL '50 seconds'))
			OR EXISTS (SELECT FROM mz_sim.objects o WHERE o.cluster_id = c.id AND o.type = 'materialized-view'))`).Scan(&n)
		if err != nil {
			return fmt.Errorf("check a suspension: %w", err)
		}
		if n > 0 {
			return fmt.Errorf("%s: suspended while it is used, or nobody knows", a.SQL)
		}
		return nil
	}
	if err := conn.QueryRow(ctx, "SELECT count(*) FROM ("+readyReplicas+where+" AND r.name <> "+engine.QuoteLiteral(a.Replica)+") AS x").Scan(&n); err != nil || n == 0 {
		// A replica that crashes all the time, or never got ready, may go if the one that is left is no worse off.
		var ready int
		if conn.QueryRow(ctx, "SELECT count(*) FROM ("+readyReplicas+where+" AND r.name = "+engine.QuoteLiteral(a.Replica)+") AS x").Scan(&ready) != nil || ready > 0 {
			return fmt.Errorf("%s: the last ready replica is dropped: %s", a.SQL, a.Reasons[0].Text)
		}
	}
	return nil
}

// somewhere draws a cluster.
func (m *model) somewhere(t *rapid.T) (id, name string) {
	ids := make([]string, 0, len(m.clusters))
	for id := range m.clusters {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	id = rapid.SampledFrom(ids).Draw(t, "cluster")
	return id, m.clusters[id]
}

// replica draws one that exists, if any does.
func (m *model) replica(t *rapid.T, id string) string {
	names := m.column(t, "SELECT name FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = '%s' ORDER BY name", id)
	if len(names) == 0 {
		t.Skip("no replica")
	}
	return rapid.SampledFrom(names).Draw(t, "replica")
}

var modelConfigs = map[string][]string{
	"target_size":   {`{"target_size": "25cc"}`, `{"target_size": "50cc"}`, `{"target_size": "100cc", "replica_name": "r_50cc"}`, `{"target_size": "none"}`},
	"burst":         {`{"burst_replica_size": "200cc"}`, `{"burst_replica_size": "200cc", "cooldown_s": 30}`, `{"burst_replica_size": "50cc", "max_duration_s": 120}`},
	"idle_suspend":  {`{"idle_after_s": 60}`, `{"idle_after_s": 600, "cooldown_s": 60}`, `{"idle_after_s": 60, "allow_stop_maintenance": false}`},
	"shrink_to_fit": {`{"max_replica_size": "100cc"}`},
	"pause":         {`{}`, `{"until": "2020-01-01T00:00:00Z"}`},
}

// look takes a look at everything, and another one, and no third one changes
// anything.
func (m *model) look(t *rapid.T) {
	for range 8 {
		outcomes, err := m.life.reconciler.Look(context.Background(), engine.Trigger{Kind: "apply"})
		quiet := err == nil
		for _, o := range outcomes {
			quiet = quiet && len(o.Results) == 0
		}
		if quiet {
			return
		}
	}
	t.Fatal("it never comes to rest")
}

// check is what holds after every step.
func (m *model) check(t *rapid.T) {
	m.life.mu.Lock()
	violations := m.life.violations
	m.life.mu.Unlock()
	for _, v := range violations {
		t.Error(v)
	}
	snapshot, err := m.life.Observe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	plan := m.life.planner.Plan(snapshot)
	if diff := cmp.Diff(fmt.Sprint(m.life.planner.Plan(snapshot)), fmt.Sprint(plan)); diff != "" {
		t.Errorf("the same snapshot gives another plan:\n%s", diff)
	}
	for _, c := range plan.Clusters {
		names := map[string]bool{}
		for _, a := range c.Actions {
			if names[a.Replica] {
				t.Errorf("%s is dropped and created: %v", a.Replica, c.Actions)
			}
			names[a.Replica] = true
		}
	}
	for id := range m.clusters {
		ours := m.column(t, "SELECT decision_ctx->>'op' || ' ' || (decision_ctx->>'replica') FROM mz_cluster_strategy_actions WHERE executed AND cluster_id = '%s' ORDER BY 1", id)
		theirs := m.column(t, `SELECT event_type || ' ' || (details->>'replica_name') FROM mz_catalog.mz_audit_events
			WHERE object_type = 'cluster-replica' AND details->>'cluster_id' = '%s' AND "user" = 'controller' ORDER BY 1`, id)
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("audit rows of %s (-the server's +ours):\n%s\n%s", m.clusters[id], diff, strings.Join(m.column(t,
				"SELECT concat_ws(' ', created_at, action_id, executed, action_sql, error_message) FROM mz_cluster_strategy_actions WHERE cluster_id = '%s' ORDER BY created_at", id), "\n"))
		}
	}
}

func TestModel(t *testing.T) {
	for name, value := range map[string]string{"rapid.checks": "3", "rapid.steps": "25"} {
		if f := flag.Lookup(name); f.Value.String() == f.DefValue {
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	admin := newServer(t)
	admin.run(t, "CREATE ROLE controller LOGIN SUPERUSER")
	admin.run(t, "SELECT mz_sim.set('max_credit_consumption_rate', '100000')")
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		m := &model{server: newServer(t), clusters: map[string]string{}}
		m.life = m.newLife(t)
		if err := m.life.EnsureTables(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			name := fmt.Sprintf("model_%d_%d", runs, i)
			m.clusters[m.cluster(t, name)] = name
			m.run(rt, "CREATE TABLE t%d (n int)", i)
		}
		defer func() { m.life.Close() }()
		rt.Repeat(m.actions(t))
	})
}

// actions are the events and faults. A look follows those that the reconciler would be told of.
func (m *model) actions(outer *testing.T) map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"strategy is set": func(t *rapid.T) {
			id, _ := m.somewhere(t)
			kind := rapid.SampledFrom([]string{"target_size", "target_size", "burst", "burst", "idle_suspend", "shrink_to_fit", "pause"}).Draw(t, "type")
			m.run(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id = '%s' AND strategy_type = '%s'", id, kind)
			m.want(t, id, kind, rapid.SampledFrom(modelConfigs[kind]).Draw(t, "config"))
			m.look(t)
		},
		"strategies are deleted": func(t *rapid.T) {
			id, _ := m.somewhere(t)
			kind := rapid.SampledFrom([]string{"target_size", "burst", "idle_suspend", "shrink_to_fit", "pause", "pause"}).Draw(t, "type")
			m.run(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id = '%s' AND strategy_type = '%s'", id, kind)
			m.look(t)
		},
		"replica is created by hand": func(t *rapid.T) {
			id, name := m.somewhere(t)
			if len(m.replicas(t, id)) >= 5 {
				t.Skip("no room")
			}
			m.hands++
			replica := rapid.SampledFrom([]string{"r_25cc", "r_50cc", name + "_burst", fmt.Sprintf("by_hand_%d", m.hands)}).Draw(t, "name")
			_, _ = m.Exec(context.Background(), fmt.Sprintf("CREATE CLUSTER REPLICA %s.%s (SIZE '%s')", name, replica, rapid.SampledFrom([]string{"25cc", "50cc", "200cc"}).Draw(t, "size")))
			m.look(t)
		},
		"replica is dropped by hand": func(t *rapid.T) {
			id, name := m.somewhere(t)
			m.run(t, "DROP CLUSTER REPLICA %s.%s", name, m.replica(t, id))
			m.look(t)
		},
		"replica crashes": func(t *rapid.T) {
			id, name := m.somewhere(t)
			m.run(t, "SELECT mz_sim.crash('%s', '%s', '%s')", name, m.replica(t, id), rapid.SampledFrom([]string{"oom-killed", "error"}).Draw(t, "reason"))
			m.look(t)
		},
		"replica hydrates": func(t *rapid.T) {
			id, name := m.somewhere(t)
			m.run(t, "SELECT mz_sim.hydrate('%s', '%s')", name, m.replica(t, id))
			m.look(t)
		},
		"object is created": func(t *rapid.T) {
			_, name := m.somewhere(t)
			m.hands++
			if rapid.Bool().Draw(t, "index") {
				m.run(t, "CREATE INDEX i%d IN CLUSTER %s ON t0 (n)", m.hands, name)
			} else {
				m.run(t, "CREATE MATERIALIZED VIEW v%d IN CLUSTER %s AS SELECT count(*) FROM t1", m.hands, name)
			}
			m.look(t)
		},
		"cluster is used": func(t *rapid.T) {
			_, name := m.somewhere(t)
			m.run(t, "SELECT mz_sim.activity('%s', now())", name)
			m.look(t)
		},
		"cluster is renamed": func(t *rapid.T) {
			id, name := m.somewhere(t)
			m.hands++
			next := fmt.Sprintf("%s_%d", name[:len("model_1_0")], m.hands)
			m.run(t, "ALTER CLUSTER %s RENAME TO %s", name, next)
			m.clusters[id] = next
			m.look(t)
		},
		"time passes": func(t *rapid.T) {
			m.run(t, "SELECT mz_sim.advance('%d seconds')", rapid.SampledFrom([]int{1, 20, 61, 400, 4000}).Draw(t, "seconds"))
			m.look(t)
		},
		"logging is switched": func(t *rapid.T) {
			m.run(t, "SELECT mz_sim.set('statement_logging', '%s')", rapid.SampledFrom([]string{"on", "on", "off", "0.5"}).Draw(t, "rate"))
			m.life.Close()
			m.life = m.newLife(outer) // what seldom changes is kept for some seconds
			m.look(t)
		},
		"statements are refused": func(t *rapid.T) {
			id, _ := m.somewhere(t)
			m.run(t, "SELECT mz_sim.refuse('%s CLUSTER REPLICA', 'refused for the sake of it', '53000', %d)",
				rapid.SampledFrom([]string{"CREATE", "DROP"}).Draw(t, "statement"), rapid.IntRange(1, 2).Draw(t, "times"))
			m.run(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id = '%s' AND strategy_type = 'target_size'", id)
			m.want(t, id, "target_size", rapid.SampledFrom(modelConfigs["target_size"]).Draw(t, "config"))
			m.look(t)
		},
		"connections break at a step": func(t *rapid.T) {
			m.faulty(t, m.life.cutter.cut)
			m.look(t)
		},
		"killed at a step": func(t *rapid.T) {
			old := m.life
			m.faulty(t, func() {
				old.dead.Store(true)
				old.cutter.cut()
			})
			old.Close()
			m.life = m.newLife(outer)
			m.look(t)
		},
		"two at once": func(t *rapid.T) {
			id, _ := m.somewhere(t)
			other := m.newLife(outer)
			m.run(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id = '%s' AND strategy_type = 'target_size'", id)
			m.want(t, id, "target_size", rapid.SampledFrom(modelConfigs["target_size"]).Draw(t, "config"))
			var both sync.WaitGroup
			for _, l := range []*life{m.life, other} {
				both.Go(func() { _, _ = l.reconciler.Look(context.Background(), engine.Trigger{Kind: "apply"}, id) })
			}
			both.Wait()
			other.Close()
			m.look(t)
		},
		"": m.check,
	}
}

// faulty looks at a cluster for which something is to be done, with a fault at some step.
func (m *model) faulty(t *rapid.T, fault func()) {
	id, _ := m.somewhere(t)
	step := rapid.SampledFrom(engine.Steps).Draw(t, "step")
	m.run(t, "DELETE FROM mz_cluster_strategies WHERE cluster_id = '%s' AND strategy_type = 'target_size'", id)
	m.want(t, id, "target_size", rapid.SampledFrom(modelConfigs["target_size"]).Draw(t, "config"))
	m.life.fault = fault
	m.life.faultStep.Store(&step)
	_, _ = m.life.reconciler.Look(context.Background(), engine.Trigger{Kind: "apply"}, id)
	m.life.faultStep.Store(nil)
}
