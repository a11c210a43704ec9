package materialize_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"mzproxy/engine"
	"mzproxy/engine/strategy"
	"mzproxy/proxy/mzsim"
)

// model drives a stand-in and two proxies' reconcilers, which run as they do in earnest, through random events and
// faults, and knows what has to hold whatever happens.
type model struct {
	*server
	sim      *mzsim.Sim
	data     string            // the stand-in's directory
	clusters map[string]string // names by id
	lives    [2]*life
	n        int // for names

	mu    sync.Mutex
	busy  int       // hazards under way
	quiet time.Time // since when there is none
}

const (
	// modelTerm is the term of the lease: so long it takes until another one is leader after a theft or a kill.
	modelTerm = time.Second
	// modelTime is how long the model runs; MZPROXY_MODEL names another time.
	modelTime = 45 * time.Second
)

// hazard does something that a reconciler may hear of too late.
func (m *model) hazard(do func()) {
	m.mu.Lock()
	m.busy++
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.busy--
		m.quiet = time.Now()
		m.mu.Unlock()
	}()
	do()
}

func (m *model) quietSince(t time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.busy == 0 && m.quiet.Before(t)
}

// leader is the life that leads; nil: none does now.
func (m *model) leader() *life {
	for _, l := range m.lives {
		if l.lease.Leading() {
			return l
		}
	}
	return nil
}

// rest waits until the leader has nothing left to do.
func (m *model) rest(t *rapid.T) {
	var last string
	resting := func() bool {
		l := m.leader()
		if l == nil {
			last = "nobody leads"
			return false
		}
		_, plan, err := l.reconciler.Explain(context.Background())
		if err != nil {
			last = err.Error()
			return false
		}
		for _, c := range plan.Clusters {
			if len(c.Actions) > 0 {
				last = fmt.Sprint(c.Name, ": ", c.Actions)
				return false
			}
		}
		return true
	}
	for deadline := time.Now().Add(patience); !resting(); time.Sleep(5 * time.Millisecond) { // the poll of a condition
		if time.Now().After(deadline) {
			t.Fatalf("it never comes to rest: %s", last)
		}
	}
}

// check is what holds after every step.
func (m *model) check(t *rapid.T) {
	m.rest(t)
	for _, l := range m.lives {
		l.mu.Lock()
		violations := l.violations
		l.mu.Unlock()
		for _, v := range violations {
			t.Error(v)
		}
	}
	m.checkLead(t)
	m.checkPlan(t)
	m.checkAudit(t)
}

// checkLead: the server takes one of them at most for the leader.
func (m *model) checkLead(t *rapid.T) {
	leaders := 0
	for _, l := range m.lives {
		if leads, err := l.lease.Confirm(context.Background()); err == nil && leads {
			leaders++
		}
	}
	if leaders > 1 {
		t.Error("two lead")
	}
}

// checkPlan: one snapshot gives one plan, in whatever order things are in it, and no plan drops what it creates.
func (m *model) checkPlan(t *rapid.T) {
	planner := engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}
	snapshot, err := m.lives[0].Observe(context.Background())
	if err != nil {
		return // its connections are broken; the next step will see
	}
	plan := planner.Plan(snapshot)
	for i := range snapshot.Clusters {
		snapshot.Clusters[i].Replicas = slices.Clone(snapshot.Clusters[i].Replicas)
		slices.Reverse(snapshot.Clusters[i].Replicas)
	}
	for i, c := range planner.Plan(snapshot).Clusters {
		if diff := cmp.Diff(fmt.Sprint(plan.Clusters[i].Actions), fmt.Sprint(c.Actions)); diff != "" {
			t.Errorf("the same snapshot gives another plan:\n%s", diff)
		}
		names := map[string]bool{}
		for _, a := range c.Actions {
			if names[a.Replica] {
				t.Errorf("%s is dropped and created: %v", a.Replica, c.Actions)
			}
			names[a.Replica] = true
		}
	}
}

// checkAudit: what the server says that the controllers did is what our rows say, once each. A statement that met another cluster
// than it was meant for is in the row of the one, and in the server's events of the other: then only the sums are compared.
func (m *model) checkAudit(t *rapid.T) {
	var ours, theirs []string
	same := func() bool {
		ours = m.column(t, `SELECT cluster_id || ' ' || (decision_ctx->>'op') || ' ' || (decision_ctx->>'replica') FROM mz_cluster_strategy_actions WHERE executed ORDER BY 1`)
		theirs = m.column(t, `SELECT (details->>'cluster_id') || ' ' || event_type || ' ' || (details->>'replica_name') FROM mz_catalog.mz_audit_events
			WHERE object_type = 'cluster-replica' AND "user" = 'controller' AND details->>'cluster_id' IN (SELECT id FROM %s.model_clusters) ORDER BY 1`, m.schema)
		astray := len(m.column(t, "SELECT action_id FROM mz_cluster_strategy_actions WHERE executed AND error_message IS NOT NULL")) > 0
		return slices.Equal(ours, theirs) || astray && len(ours) == len(theirs)
	}
	for deadline := time.Now().Add(patience); !same(); time.Sleep(5 * time.Millisecond) { // the poll of a condition
		if time.Now().After(deadline) {
			t.Fatalf("audit rows (-the server's +ours):\n%s\n%s", cmp.Diff(theirs, ours), strings.Join(m.column(t,
				"SELECT concat_ws(' ', created_at, action_id, cluster_id, executed, action_sql, error_message) FROM mz_cluster_strategy_actions ORDER BY created_at"), "\n"))
		}
	}
}

// begin makes a new world: a schema, two clusters, two proxies.
func (m *model) begin(t *testing.T, run int) {
	t.Helper()
	m.connect(t)
	m.schema = fmt.Sprintf("model%d", run)
	m.run(t, "CREATE SCHEMA %s", m.schema)
	m.run(t, "SET search_path = %s", m.schema)
	m.run(t, "SELECT mz_sim.set('statement_logging', 'on')")
	m.run(t, "SELECT mz_sim.allow()")
	m.run(t, "CREATE TABLE model_clusters (id text)")
	m.clusters = map[string]string{}
	for i := range 2 {
		m.add(t, fmt.Sprintf("model_%d_%d", run, i))
		m.run(t, "CREATE TABLE t%d (n int)", i)
	}
	for i := range m.lives {
		m.lives[i] = m.newLife(t)
		if err := m.lives[i].EnsureTables(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// add creates a cluster.
func (m *model) add(t tb, name string) {
	id := m.cluster(t, name)
	m.clusters[id] = name
	m.run(t, "INSERT INTO model_clusters VALUES ('%s')", id)
}

// end drops what the next world should not have to carry.
func (m *model) end(t *testing.T) {
	for _, l := range m.lives {
		l.stop()
	}
	for _, name := range m.clusters {
		m.run(t, "DROP CLUSTER %s CASCADE", name)
	}
}

// connect connects as a user, anew.
func (m *model) connect(t *testing.T) {
	t.Helper()
	schema := "public"
	if m.server != nil {
		schema = m.schema
	}
	m.server = connect(t, m.sim.DSN())
	m.schema = schema
	m.run(t, "SET search_path = %s", schema)
}

// restart restarts the server.
func (m *model) restart(t *testing.T) {
	t.Helper()
	addr := m.sim.Addr()
	if err := m.sim.Close(); err != nil {
		t.Fatal(err)
	}
	var err error
	if m.sim, err = startSim(addr, m.data); err != nil {
		t.Fatal(err)
	}
	m.connect(t)
}

func TestModel(t *testing.T) {
	t.Parallel()
	budget := modelTime
	if text := os.Getenv("MZPROXY_MODEL"); text != "" {
		var err error
		if budget, err = time.ParseDuration(text); err != nil {
			t.Fatalf("MZPROXY_MODEL: %v", err)
		}
	}
	for name, value := range map[string]string{"rapid.checks": "100000", "rapid.steps": "40", "rapid.shrinktime": "30s"} {
		if f := flag.Lookup(name); f.Value.String() == f.DefValue {
			if err := flag.Set(name, value); err != nil {
				t.Fatal(err)
			}
		}
	}
	m := &model{data: serverDir(t)}
	var err error
	if m.sim, err = startSim("", m.data); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.sim.Close() })
	m.connect(t)
	m.run(t, "CREATE ROLE controller LOGIN SUPERUSER")
	m.run(t, "SELECT mz_sim.set('max_credit_consumption_rate', '100000')")
	m.run(t, "SELECT mz_sim.set('max_clusters', '5000')")
	runs, steps, failed := 0, 0, false
	over := time.Now().Add(budget)
	rapid.Check(t, func(rt *rapid.T) {
		if time.Now().After(over) && !failed {
			return
		}
		runs++
		m.begin(t, runs)
		defer m.end(t)
		defer func() { failed = failed || rt.Failed() }()
		actions := m.actions(t)
		actions[""] = func(t *rapid.T) {
			steps++
			m.check(t)
		}
		for name, do := range actions {
			actions[name] = func(t *rapid.T) {
				if failed || time.Now().Before(over) {
					do(t)
				}
			}
		}
		rt.Repeat(actions)
	})
	t.Logf("%d steps in %d worlds", steps, runs)
}
