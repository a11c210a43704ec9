package materialize_test

import (
	"context"
	"testing"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
)

const idleMinute = `{"idle_after_s": 60}`

// passes lets simulated hours pass, and looks after each.
func (r *rig) passes(t *testing.T, hours int) {
	t.Helper()
	for range hours {
		r.run(t, "SELECT mz_sim.advance('1 hour')")
		r.client.Touch()
		if _, err := r.reconciler.Look(t.Context(), reconcile.Trigger{Kind: "apply"}); err != nil {
			t.Fatal(err)
		}
	}
}

// With statement logging off nobody knows who uses a cluster, so it stays; once it is on again, and nobody does, it goes.
func TestNeverSuspendedBlindly(t *testing.T) {
	s := newServer(t)
	s.run(t, "SELECT mz_sim.set('statement_logging', 'off')")
	defer s.run(t, "SELECT mz_sim.set('statement_logging', 'on')")
	r := newRig(t, s, rigOptions{stopped: true, noLease: true})
	id := r.cluster(t, "busy_in_the_dark", "r 25cc")
	r.want(t, id, "idle_suspend", idleMinute)
	user := connect(t, sim.DSN(), "cluster=busy_in_the_dark")
	for range 5 {
		if _, err := user.Exec(t.Context(), "SELECT generate_series(1, 1)"); err != nil {
			t.Fatal(err)
		}
		r.passes(t, 1)
	}
	r.eventuallyReplicas(t, id, "r 25cc")
	_, plan, err := r.reconciler.Explain(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if d := plan.Clusters[0].Decisions[0]; d.Verb != engine.VerbHold || d.Text != "activity is not known: statement logging is off" {
		t.Errorf("the plan says %s %q", d.Verb, d.Text)
	}
	s.run(t, "SELECT mz_sim.set('statement_logging', 'on')")
	until(t, "activity is known", func() bool {
		_, plan, err := r.reconciler.Explain(t.Context(), id)
		return err == nil && plan.Clusters[0].Decisions[0].Text != "activity is not known: statement logging is off"
	})
	r.eventuallyReplicas(t, id, "r 25cc") // what was hidden may have been a use
	r.passes(t, 1)
	r.eventuallyReplicas(t, id)
}

// A SUBSCRIBE that runs for hours uses the cluster all the time.
func TestNeverSuspendedUnderSubscribe(t *testing.T) {
	r := newRig(t, newServer(t), rigOptions{stopped: true, noLease: true})
	id := r.cluster(t, "subscribed", "r 25cc")
	r.run(t, "SELECT mz_sim.hydrate('subscribed', 'r')")
	r.run(t, "CREATE TABLE news (n int)")
	subscriber := connect(t, sim.DSN(), "cluster=subscribed")
	ctx, cancel := context.WithCancel(t.Context())
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = subscriber.PgConn().CopyTo(ctx, discard{}, "COPY (SUBSCRIBE "+r.schema+".news) TO STDOUT")
	}()
	r.eventually(t, []string{"1"}, "SELECT count(*)::text FROM mz_internal.mz_subscriptions WHERE cluster_id = '%s'", id)
	r.want(t, id, "idle_suspend", idleMinute)
	r.passes(t, 5)
	r.eventuallyReplicas(t, id, "r 25cc")
	cancel()
	<-over
	r.eventually(t, nil, "SELECT id FROM mz_internal.mz_subscriptions WHERE cluster_id = '%s'", id)
	r.passes(t, 1)
	r.eventuallyReplicas(t, id)
}

// A jump of the server's clock is noticed, with all deadlines that it passes.
func TestClockJumps(t *testing.T) {
	r := newRig(t, newServer(t), rigOptions{})
	r.awaitLead(t)
	id := r.cluster(t, "jumped", "r 25cc")
	r.want(t, id, "idle_suspend", `{"idle_after_s": 3000}`)
	until(t, "it is looked at", func() bool {
		_, plan, err := r.reconciler.Explain(t.Context(), id)
		return err == nil && plan.Clusters[0].NextLook != nil
	})
	r.run(t, "SELECT mz_sim.advance('1 hour')")
	r.eventuallyReplicas(t, id)
}

// What a strategy created for itself goes with it, also if the row was deleted around the proxy while nobody watched.
func TestOrphan(t *testing.T) {
	s := newServer(t)
	s.run(t, "SELECT mz_sim.set('hydration', '1 day')")
	defer s.run(t, "SELECT mz_sim.set('hydration', '100ms')")
	first := newRig(t, s, rigOptions{})
	id := s.cluster(t, "bereft")
	s.run(t, "CREATE TABLE b (n int)")
	s.run(t, "CREATE INDEX b_idx IN CLUSTER bereft ON b (n)")
	s.want(t, id, "target_size", baseline, "burst", burst)
	s.eventuallyReplicas(t, id, "bereft_burst 50cc", "r_25cc 25cc")
	first.stop()
	s.run(t, "DELETE FROM mz_cluster_strategies")
	s.run(t, "SELECT mz_sim.hydrate('bereft', 'r_25cc')")
	newRig(t, s, rigOptions{})
	s.eventuallyReplicas(t, id, "r_25cc 25cc")
	s.checkAudit(t, id, "create bereft_burst", "create r_25cc", "drop bereft_burst")
}
