package materialize_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"mzproxy/engine/materialize"
	"mzproxy/engine/reconcile"
)

const (
	baseline = `{"target_size": "25cc"}`
	burst    = `{"burst_replica_size": "50cc"}`
)

// A baseline comes up with the help of a burst, for a row that was written around the proxy.
func TestReconcile(t *testing.T) {
	r := newRig(t, newServer(t), rigOptions{})
	id := r.cluster(t, "plain")
	r.want(t, id, "target_size", baseline, "burst", burst)
	r.eventuallyReplicas(t, id, "r_25cc 25cc")
	r.checkAudit(t, id, "create plain_burst", "create r_25cc", "drop plain_burst")
}

// The connections break before every step of every action: nothing is lost or doubled.
func TestCutAtEveryStep(t *testing.T) {
	for i, step := range reconcile.Steps {
		for n := int64(1); n <= 3; n++ {
			t.Run(fmt.Sprintf("%s:%d", step, n), func(t *testing.T) {
				t.Parallel()
				r := newRig(t, newServer(t), rigOptions{})
				name := fmt.Sprintf("cut_%d_%d", i, n)
				cut := make(chan struct{})
				r.onStep(step, n, func() {
					r.cutter.cut()
					close(cut)
				})
				id := r.cluster(t, name)
				r.want(t, id, "target_size", baseline, "burst", burst)
				r.eventuallyReplicas(t, id, "r_25cc 25cc")
				r.checkAudit(t, id, "create "+name+"_burst", "create r_25cc", "drop "+name+"_burst")
				select {
				case <-cut:
				case <-time.After(patience):
					t.Error("the step was never taken")
				}
				r.eventually(t, []string{"target_size"}, `SELECT coalesce(payload->'replicas'->>(SELECT id FROM mz_cluster_replicas WHERE cluster_id = '%[1]s' AND name = 'r_25cc'), payload::text)
					FROM mz_cluster_strategy_state WHERE cluster_id = '%[1]s'`, id)
			})
		}
	}
}

// The connection breaks while a statement runs, which the server finishes all the same.
func TestAnswerLost(t *testing.T) {
	r := newRig(t, newServer(t), rigOptions{})
	r.awaitLead(t)
	id := r.cluster(t, "unheard")
	r.run(t, "SELECT mz_sim.set('ddl_delay', '500ms')")
	t.Cleanup(func() { r.run(t, "SELECT mz_sim.set('ddl_delay', '0s')") })
	broken := make(chan struct{})
	r.onStep("execute", 1, func() {
		go func() {
			defer close(broken)
			for !statementRuns(t) {
			}
			r.cutter.cut()
		}()
	})
	r.want(t, id, "target_size", baseline)
	<-broken
	r.run(t, "SELECT mz_sim.set('ddl_delay', '0s')")
	r.eventuallyReplicas(t, id, "r_25cc 25cc")
	r.checkAudit(t, id, "create r_25cc")
}

// statementRuns tells whether the server is working on a CREATE CLUSTER REPLICA.
func statementRuns(t *testing.T) bool {
	t.Helper()
	return connect(t, sim.DSN()).value(t, "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%%mz_sim.create_replica%%' AND pid <> pg_backend_pid()") != "0"
}

// The server is restarted while the cluster waits for its replica.
func TestServerRestarted(t *testing.T) {
	t.Parallel()
	data := serverDir(t)
	own, err := startSim("", data)
	if err != nil {
		t.Fatal(err)
	}
	addr := own.Addr()
	s := connect(t, own.DSN())
	r := newRig(t, s, rigOptions{})
	r.awaitLead(t)
	id := r.cluster(t, "again")
	r.run(t, "SELECT mz_sim.set('hydration', '1 day')")
	r.run(t, "CREATE TABLE things (n int)")
	r.run(t, "CREATE INDEX things_idx IN CLUSTER again ON things (n)")
	r.want(t, id, "target_size", baseline, "burst", burst)
	r.eventuallyReplicas(t, id, "again_burst 50cc", "r_25cc 25cc")
	if err := own.Close(); err != nil {
		t.Fatal(err)
	}
	if own, err = startSim(addr, data); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	t.Cleanup(r.stop) // before the server
	r.server = connect(t, own.DSN())
	r.run(t, "SELECT mz_sim.hydrate('again', 'r_25cc')")
	r.eventuallyReplicas(t, id, "r_25cc 25cc")
	r.checkAudit(t, id, "create again_burst", "create r_25cc", "drop again_burst")
}

// Refused statements are recorded each, and tried again until they succeed.
func TestRefused(t *testing.T) {
	for _, times := range []int{1, 2, 3} {
		t.Run(fmt.Sprint(times), func(t *testing.T) {
			r := newRig(t, newServer(t), rigOptions{})
			r.awaitLead(t)
			id := r.cluster(t, fmt.Sprintf("refused_%d", times))
			r.run(t, "SELECT mz_sim.refuse('CREATE CLUSTER REPLICA', 'no room at the inn', '53000', %d)", times)
			r.want(t, id, "target_size", baseline)
			r.eventuallyReplicas(t, id, "r_25cc 25cc")
			r.checkAudit(t, id, "create r_25cc")
			failed := r.column(t, "SELECT error_message FROM mz_cluster_strategy_actions WHERE NOT executed AND cluster_id = '%s'", id)
			if len(failed) != times {
				t.Errorf("%d failures are recorded: %q", len(failed), failed)
			}
		})
	}
}

// Somebody who writes a strategy hears of the failure, and the rest of the plan is carried out.
func TestRefusedOutcome(t *testing.T) {
	r := newRig(t, newServer(t), rigOptions{stopped: true, noLease: true})
	id := r.cluster(t, "told")
	r.run(t, "SELECT mz_sim.refuse('CREATE CLUSTER REPLICA', 'no room at the inn', '53000', 1)")
	r.want(t, id, "target_size", baseline, "burst", burst)
	outcomes, err := r.reconciler.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, id)
	if err != nil {
		t.Fatal(err)
	}
	if len(outcomes) != 1 || len(outcomes[0].Results) != 2 || outcomes[0].Results[0].Err == nil || outcomes[0].Results[1].Err != nil {
		t.Fatalf("outcomes: %+v", outcomes)
	}
	if said := observeOne(t, r.client, id).Failures; len(said) != 1 || said[0].Error != "no room at the inn" || said[0].Code != "53000" || said[0].Times != 1 {
		t.Errorf("what is known of the failure: %+v", said)
	}
	// Who asks is not kept waiting for the next try.
	outcomes, err = r.reconciler.Look(t.Context(), reconcile.Trigger{Kind: "apply"}, id)
	if err != nil || len(outcomes[0].Results) != 1 {
		t.Errorf("apply: %+v, %v", outcomes, err)
	}
	if said := observeOne(t, r.client, id); len(said.Failures) != 0 || said.RecentActions != 2 {
		t.Errorf("after it was executed: %+v, %d actions", said.Failures, said.RecentActions)
	}
}

// A statement that takes long delays neither other clusters nor what is recorded.
func TestSlowStatement(t *testing.T) {
	s := newServer(t)
	r := newRig(t, s, rigOptions{})
	r.awaitLead(t)
	slow, quick := r.cluster(t, "slow"), r.cluster(t, "quick", "r_25cc 25cc", "surplus 50cc")
	release := make(chan struct{})
	r.onStep("execute", 1, func() { <-release }) // the statement on its way
	r.want(t, slow, "target_size", baseline)
	r.eventually(t, []string{"1"}, "SELECT count(*)::text FROM mz_cluster_strategy_actions WHERE executed IS NULL")
	r.want(t, quick, "target_size", baseline)
	r.eventuallyReplicas(t, quick, "r_25cc 25cc")
	close(release)
	r.eventuallyReplicas(t, slow, "r_25cc 25cc")
	r.checkAudit(t, slow, "create r_25cc")
}

// A statement that is answered after three terms of the lease is one action: nobody tries again meanwhile, the lease stays, and
// what has to be done elsewhere is begun.
func TestAnsweredLate(t *testing.T) {
	t.Parallel()
	own, err := startSim("", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = own.Close() })
	s := connect(t, own.DSN())
	const term = 4 * time.Second
	r := newRig(t, s, rigOptions{client: materialize.Config{Lease: term}, engine: reconcile.Config{Resync: time.Second}})
	t.Cleanup(r.stop) // before the server
	r.awaitLead(t)
	id, other := r.cluster(t, "late"), r.cluster(t, "other")
	began := time.Now()
	r.run(t, "SELECT mz_sim.set('ddl_delay', '%d seconds')", 3*term/time.Second)
	r.want(t, id, "target_size", baseline)
	r.eventually(t, []string{id}, "SELECT cluster_id FROM mz_cluster_strategy_actions WHERE executed IS NULL")
	until(t, "the statement is on its way", func() bool {
		return s.value(t, "SELECT count(*)::text FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%%mz_sim.create_replica%%' AND pid <> pg_backend_pid()") == "1"
	})
	r.want(t, other, "target_size", baseline)
	r.eventually(t, []string{"1"}, "SELECT count(*)::text FROM mz_cluster_strategy_actions WHERE executed IS NULL AND cluster_id = '%s'", other)
	if len(r.replicas(t, id)) > 0 || !r.lease.Leading() {
		t.Errorf("meanwhile: %q, leads: %t", r.replicas(t, id), r.lease.Leading())
	}
	r.eventuallyReplicas(t, id, "r_25cc 25cc")
	if took := time.Since(began); took < 3*term {
		t.Errorf("the statement was answered after %s", took)
	}
	r.eventuallyReplicas(t, other, "r_25cc 25cc")
	r.checkAudit(t, id, "create r_25cc")
	r.checkAudit(t, other, "create r_25cc")
	if failed := r.column(t, "SELECT error_message FROM mz_cluster_strategy_actions WHERE NOT executed"); len(failed) > 0 {
		t.Errorf("failures: %q", failed)
	}
}

// Without a watcher that works, the clusters are polled.
func TestSubscribeLost(t *testing.T) {
	r := newRig(t, newServer(t), rigOptions{engine: reconcile.Config{Resync: time.Hour}})
	r.awaitLead(t)
	for i := range 3 {
		r.cutter.cut()
		id := r.cluster(t, fmt.Sprintf("unwatched_%d", i))
		r.want(t, id, "target_size", baseline)
		r.eventuallyReplicas(t, id, "r_25cc 25cc")
		r.checkAudit(t, id, "create r_25cc")
	}
}

// Without the strategies table nothing is done but to make it again; when there are rows in it, they count.
func TestStrategiesTableRecreated(t *testing.T) {
	r := newRig(t, newServer(t), rigOptions{})
	id := r.cluster(t, "untold")
	r.want(t, id, "target_size", baseline)
	r.eventuallyReplicas(t, id, "r_25cc 25cc")
	r.run(t, "DROP TABLE mz_cluster_strategies")
	outcomes, err := r.reconciler.Look(t.Context(), reconcile.Trigger{Kind: "apply"}, id)
	if err != nil || len(outcomes[0].Results) > 0 {
		t.Errorf("a look without the table: %+v, %v", outcomes, err)
	}
	r.eventuallyReplicas(t, id, "r_25cc 25cc")
	r.want(t, id, "target_size", `{"target_size": "50cc"}`)
	r.eventuallyReplicas(t, id, "r_50cc 50cc")
	r.checkAudit(t, id, "create r_25cc", "create r_50cc", "drop r_25cc")
}

// Between plan and apply the cluster changes under the reconciler's hands.
func TestChangedBetweenPlanAndApply(t *testing.T) {
	tests := []struct {
		name   string
		change string // %s is the cluster
		then   func(t *testing.T, r *rig, name, id string)
	}{
		{"renamed", "ALTER CLUSTER %s RENAME TO %[1]s_new", func(t *testing.T, r *rig, name, id string) {
			r.eventuallyReplicas(t, id, "r_25cc 25cc")
			r.checkAudit(t, id, "create r_25cc")
		}},
		{"swapped", "ALTER CLUSTER %s SWAP WITH %[1]s_other", func(t *testing.T, r *rig, name, id string) {
			r.eventuallyReplicas(t, id, "r_25cc 25cc")
			r.checkAudit(t, id, "create r_25cc")
			// A statement that met the other cluster is on the record of that one.
			other := r.id(t, name)
			r.checkAudit(t, other, r.column(t, `SELECT event_type || ' ' || (details->>'replica_name') FROM mz_catalog.mz_audit_events
				WHERE object_type = 'cluster-replica' AND details->>'cluster_id' = '%s'`, other)...)
		}},
		{"dropped", "DROP CLUSTER %s", func(t *testing.T, r *rig, name, id string) {
			r.eventually(t, nil, "SELECT action_sql FROM mz_cluster_strategy_actions WHERE executed IS NULL")
			if got := r.column(t, "SELECT action_sql FROM mz_cluster_strategy_actions WHERE executed"); len(got) > 0 {
				t.Errorf("executed: %q", got)
			}
		}},
		{"replica created by hand", "CREATE CLUSTER REPLICA %s.r_25cc (SIZE '25cc')", func(t *testing.T, r *rig, name, id string) {
			r.eventuallyReplicas(t, id, "r_25cc 25cc")
			r.eventually(t, nil, "SELECT action_sql FROM mz_cluster_strategy_actions WHERE executed IS NULL OR NOT executed")
		}},
		{"replica of the name with another size", "CREATE CLUSTER REPLICA %s.r_25cc (SIZE '50cc')", func(t *testing.T, r *rig, name, id string) {
			r.eventuallyReplicas(t, id, "r_25cc_25cc 25cc")
		}},
		{"strategy gone", "DELETE FROM mz_cluster_strategies WHERE cluster_id = (SELECT cluster_id FROM mz_cluster_strategies WHERE '%s' <> '')", func(t *testing.T, r *rig, name, id string) {
			r.eventually(t, nil, "SELECT action_sql FROM mz_cluster_strategy_actions WHERE executed IS NULL")
		}},
	}
	for i, test := range tests {
		for _, step := range []string{"look", "begin", "execute"} {
			t.Run(test.name+"/"+step, func(t *testing.T) {
				t.Parallel()
				r := newRig(t, newServer(t), rigOptions{})
				r.awaitLead(t)
				name := fmt.Sprintf("changed_%d_%s", i, step)
				other := connect(t, sim.DSN())
				other.run(t, "SET search_path = %s", r.schema)
				id := r.cluster(t, name)
				r.cluster(t, name+"_other")
				var changed atomic.Bool
				r.onStep(step, 1, func() {
					other.run(t, test.change, name)
					changed.Store(true)
				})
				r.want(t, id, "target_size", baseline)
				until(t, "the change", changed.Load)
				test.then(t, r, name, id)
			})
		}
	}
}

// Fifty sessions write strategies for one cluster at once; what is stored in the end is what comes true.
func TestManyWriters(t *testing.T) {
	r := newRig(t, newServer(t), rigOptions{})
	r.awaitLead(t)
	id := r.cluster(t, "crowded")
	var writers sync.WaitGroup
	var mu sync.Mutex
	told := map[string]bool{} // action ids that some writer heard of
	for i := range 50 {
		w := connect(t, sim.DSN())
		w.run(t, "SET search_path = %s", r.schema)
		writers.Go(func() {
			since := time.Now()
			w.want(t, id, "target_size", fmt.Sprintf(`{"target_size": "25cc", "replica_name": "r%d"}`, i))
			outcomes, err := r.reconciler.Look(t.Context(), reconcile.Trigger{Kind: "statement", Since: since}, id)
			if err != nil {
				t.Error(err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			for _, result := range outcomes[0].Results {
				told[result.ActionID] = true
			}
		})
	}
	writers.Wait()
	replicas := r.replicas(t, id)
	if len(replicas) != 1 {
		t.Errorf("replicas: %q", replicas)
	}
	r.eventually(t, []string{"1"}, "SELECT count(*)::text FROM mz_cluster_strategy_actions WHERE executed")
	if len(told) != 1 {
		t.Errorf("the writers heard of %d actions", len(told))
	}
}

// Two proxies, and the lease changes hands under their hands: whoever acts, each action is done once.
func TestLeaseStolen(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	short := materialize.Config{Lease: 1500 * time.Millisecond}
	a, b := newRig(t, s, rigOptions{client: short}), newRig(t, s, rigOptions{client: short})
	until(t, "one leads", func() bool { return a.lease.Leading() || b.lease.Leading() })
	for i, step := range reconcile.Steps {
		t.Run(step, func(t *testing.T) {
			thief := connect(t, sim.DSN())
			thief.run(t, "SET search_path = %s", s.schema)
			steal := func() {
				thief.run(t, "UPDATE mz_cluster_strategy_lease SET holder = 'thief', expires_at = now()")
			}
			a.onStep(step, 2, steal)
			b.onStep(step, 2, steal)
			name := fmt.Sprintf("lost_%d", i)
			id := s.cluster(t, name)
			s.want(t, id, "target_size", baseline, "burst", burst)
			s.eventuallyReplicas(t, id, "r_25cc 25cc")
			s.checkAudit(t, id, "create "+name+"_burst", "create r_25cc", "drop "+name+"_burst")
			a.step.Store(nil)
			b.step.Store(nil)
		})
	}
}

// A proxy that does not lead tells its user what the leader did.
func TestFollower(t *testing.T) {
	s := newServer(t)
	leader := newRig(t, s, rigOptions{})
	leader.awaitLead(t)
	follower := newRig(t, s, rigOptions{})
	id := s.cluster(t, "followed")
	since := time.Now()
	s.want(t, id, "target_size", baseline, "burst", burst)
	outcomes, err := follower.reconciler.Look(t.Context(), reconcile.Trigger{Kind: "statement", Since: since}, id)
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, result := range outcomes[0].Results {
		told = append(told, fmt.Sprint(result.Op, " ", result.Replica, " ", result.Reasons[0].Text))
	}
	if len(told) < 2 || told[0] != "create followed_burst burst: no replica is ready" || told[1] != "create r_25cc target_size: no replica of size 25cc" {
		t.Errorf("the user hears %q", told)
	}
	// A failure ends the wait, too.
	s.eventuallyReplicas(t, id, "r_25cc 25cc")
	s.run(t, "SELECT mz_sim.refuse('CREATE CLUSTER REPLICA', 'no room at the inn', '53000', 1)")
	since = time.Now()
	s.run(t, `UPDATE mz_cluster_strategies SET config = '{"target_size": "100cc"}', updated_at = now() WHERE strategy_type = 'target_size'`)
	outcomes, err = follower.reconciler.Look(t.Context(), reconcile.Trigger{Kind: "statement", Since: since}, id)
	if err != nil {
		t.Fatal(err)
	}
	last := outcomes[0].Results[len(outcomes[0].Results)-1]
	if last.Err == nil {
		t.Errorf("the user hears %+v", outcomes[0].Results)
	}
	s.eventuallyReplicas(t, id, "r_100cc 100cc")
	// When the leader goes, the follower leads, without having to wait for the lease to run out.
	leader.stop()
	follower.awaitLead(t)
	s.run(t, `UPDATE mz_cluster_strategies SET config = '{"target_size": "25cc"}', updated_at = now() WHERE strategy_type = 'target_size'`)
	s.eventuallyReplicas(t, id, "r_25cc 25cc")
}
