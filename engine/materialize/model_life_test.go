package materialize_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
	"mzproxy/engine/strategy"
	"mzproxy/rewrite/pgtext"
)

// life is a reconciler that runs, between its start and its end. It watches over what it sends to the server.
type life struct {
	*materialize.Client
	model      *model
	cutter     *cutter
	lease      *materialize.Lease
	reconciler *reconcile.Reconciler
	fault      atomic.Pointer[fault]
	stop       func() // waits; may be called twice

	mu         sync.Mutex
	begun      map[string]time.Time // when the intentions of statements were written
	violations []string
}

// fault is what happens when a step is taken for the next time.
type fault struct {
	step string
	do   func()
}

func (m *model) newLife(t *testing.T) *life {
	t.Helper()
	l := &life{model: m, cutter: newCutter(t, hostOf(t, m.dsn)), begun: map[string]time.Time{}}
	log := logrus.New()
	log.SetOutput(io.Discard)
	dsn := strings.Replace(l.cutter.dsn(m.dsn), "materialize@", "controller@", 1)
	var err error
	l.Client, err = materialize.New(materialize.Config{DSN: dsn, Schema: m.schema, Lag: -1, Lease: modelTerm, EnableExperimental: true, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	l.lease = l.NewLease()
	l.reconciler, err = reconcile.New(reconcile.Config{
		Planner:  engine.Planner{Registry: engine.NewRegistry(strategy.All()...)},
		Observer: l, Executor: l, Recorder: l, Watcher: l, Leader: l.lease, Logger: log,
		Step: func(step string) {
			if f := l.fault.Load(); f != nil && f.step == step && l.fault.CompareAndSwap(f, nil) {
				f.do()
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = l.reconciler.Run(ctx) })
	l.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		l.Close()
		l.cutter.close()
	})
	t.Cleanup(l.stop)
	return l
}

// Begin notes when the last look at a statement cannot have begun yet.
func (l *life) Begin(ctx context.Context, r reconcile.ActionRecord) error {
	err := l.Client.Begin(ctx, r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun[r.SQL] = time.Now()
	return err
}

// Execute asks the server's own tables, before a statement, whether it does harm. What the model itself does
// meanwhile cannot be known to the reconciler.
func (l *life) Execute(ctx context.Context, a engine.Action) error {
	l.mu.Lock()
	begun := l.begun[a.SQL]
	delete(l.begun, a.SQL)
	l.mu.Unlock()
	if harm := l.harm(ctx, a); harm != "" && !begun.IsZero() && l.model.quietSince(begun) {
		l.mu.Lock()
		l.violations = append(l.violations, a.SQL+": "+harm+" ("+a.Reasons[0].Text+")")
		l.mu.Unlock()
	}
	return l.Client.Execute(ctx, a)
}

// readyReplicas are the replicas that are online, with everything hydrated that their clusters maintain, by the server's
// own tables.
const readyReplicas = `SELECT r.name FROM mz_sim.replica_states s JOIN mz_sim.replicas r ON r.id = s.replica_id JOIN mz_sim.clusters c ON c.id = r.cluster_id
	WHERE s.online AND NOT EXISTS (SELECT FROM mz_sim.hydration h WHERE h.replica_id = r.id AND h.hydrated_at > now()) AND `

// harm says which rule a statement breaks; empty: none.
func (l *life) harm(ctx context.Context, a engine.Action) string {
	conn, err := pgx.Connect(ctx, l.model.dsn)
	if err != nil {
		return "" // nor will the statement get through
	}
	defer func() { _ = conn.Close(ctx) }()
	broken := func(query string) bool {
		var n int
		return conn.QueryRow(ctx, query).Scan(&n) == nil && n > 0
	}
	cluster := "c.name = " + clusterIn(a)
	strategyType := pgtext.QuoteLiteral(a.Reasons[0].Strategy)
	wanted := "EXISTS (SELECT FROM " + l.model.schema + ".mz_cluster_strategies w WHERE w.cluster_id = c.id AND w.strategy_type = " + strategyType + ")"
	switch {
	case a.Op == engine.OpCreate:
		if broken("SELECT count(*) FROM mz_sim.clusters c WHERE " + cluster + " AND NOT " + wanted) {
			return "nobody asks for it any more"
		}
	case a.Reasons[0].Strategy == "idle_suspend":
		if broken(`SELECT count(*) FROM mz_sim.clusters c WHERE ` + cluster + ` AND (mz_sim.logging_rate() < 1 OR NOT ` + wanted + `
			OR EXISTS (SELECT FROM mz_sim.statements x WHERE x.cluster_id = c.id AND (x.finished_at IS NULL OR x.finished_at > now() - INTERVAL '50 seconds'))
			OR EXISTS (SELECT FROM mz_sim.objects o WHERE o.cluster_id = c.id AND o.type = 'materialized-view'))`) {
			return "suspended while it is used, or nobody knows, or nobody asks for it any more"
		}
	default:
		dropped := pgtext.QuoteLiteral(a.Replica)
		if broken("SELECT count(*) FROM ("+readyReplicas+cluster+" AND r.name = "+dropped+") x") &&
			!broken("SELECT count(*) FROM ("+readyReplicas+cluster+" AND r.name <> "+dropped+") x") {
			return "the last ready replica is dropped"
		}
	}
	return ""
}

// clusterIn is the name of the cluster in a statement, as a literal.
func clusterIn(a engine.Action) string {
	rest := strings.SplitN(a.SQL, `"`, 3)
	return pgtext.QuoteLiteral(rest[1])
}

// ends is a way for a life to end.
func (l *life) ends(how string) {
	if how == "killed" {
		l.cutter.shutDown(true) // nothing that it does from now on arrives
	}
	l.stop()
}
