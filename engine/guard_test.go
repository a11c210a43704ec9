package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	. "mzproxy/engine/enginetest"
)

// What guards say, as "NAME[ (STRATEGY)][ held]: TEXT", and which statements are left.
func TestGuards(t *testing.T) {
	baseline := Strategy("target_size", `{"target_size": "100cc"}`)
	burst := Strategy("burst", `{"burst_replica_size": "400cc"}`)
	suspend := Strategy("idle_suspend", `{"idle_after_s": 60}`)
	allowed := Strategy("idle_suspend", `{"idle_after_s": 60, "allow_stop_maintenance": true}`)
	pause := func(config string) Part { return Strategy("pause", config) }
	recent := func(n int64) Part { return func(c *engine.ClusterState) { c.RecentActions, c.Counted = n, true } }
	maintains := func(o engine.Obligations) Part { return func(c *engine.ClusterState) { c.Obligations = o } }
	control := func(c *engine.ClusterState) { c.Control = true }
	native := func(c *engine.ClusterState) { c.Native = "a SCHEDULE" }
	sinks := maintains(engine.Obligations{Sinks: 1, Sources: 2, MaterializedViews: 1, Indexes: 3})
	indexes := maintains(engine.Obligations{Indexes: 2})
	suspended := []string{"drop a: idle_suspend: no activity in the 3600s since the strategy was set (limit 60s)"}
	resize := []string{"create r_100cc 100cc: target_size: no replica of size 100cc"}
	many, allGo := []Part{suspend}, []string{}
	for i := range 11 {
		name := fmt.Sprintf("r%02d", i)
		many, allGo = append(many, Ready(name, "25cc")), append(allGo, "drop "+name+": idle_suspend: no activity in the 3600s since the strategy was set (limit 60s)")
	}
	limit := func(l engine.Limits) func(*engine.Snapshot) { return func(s *engine.Snapshot) { s.Limits = l } }

	for _, test := range []struct {
		rule    string
		parts   []Part
		with    func(*engine.Snapshot)
		says    []string
		actions []string
	}{
		{rule: "nothing to look at: silent", parts: []Part{baseline, Ready("a", "25cc")}, actions: resize},

		{rule: "control cluster: hands off", parts: []Part{baseline, control}, says: []string{"control_cluster held: the controller's own cluster is not for strategies"}},
		{rule: "control cluster, nothing wished: said all the same", parts: []Part{baseline, control, Ready("a", "100cc")}, says: []string{"control_cluster: the controller's own cluster is not for strategies"}},
		{rule: "control cluster without strategies: silent", parts: []Part{control, Ready("a", "100cc")}},
		{rule: "control cluster without strategies: orphans stay", parts: []Part{control, Ready("a", "100cc"), Ready("prod_burst", "400cc"), Created("burst", time.Hour)},
			says: []string{"control_cluster held: the controller's own cluster is not for strategies"}},
		{rule: "native scaling: hands off", parts: []Part{baseline, native}, says: []string{"native_scaling held: the cluster is under a SCHEDULE"}},

		{rule: "pause without an end", parts: []Part{baseline, pause(`{}`)}, says: []string{"pause held: paused"}},
		{rule: "pause with all there is", parts: []Part{baseline, pause(`{"until": "2025-06-01T14:30:00+02:00", "reason": "migration", "by": "ann"}`)},
			says: []string{"pause held: paused by ann until 2025-06-01T12:30:00Z: migration"}},
		{rule: "pause that is over", parts: []Part{baseline, pause(`{"until": "2025-06-01T12:00:00Z"}`)}, actions: resize},
		{rule: "pause that cannot be read holds", parts: []Part{baseline, pause(`{"until": "soon"}`)}, says: []string{"pause held: paused: its row cannot be read"}},
		{rule: "pause, nothing wished: said, not held", parts: []Part{baseline, pause(`{}`), Ready("a", "100cc")}, says: []string{"pause: paused"}},

		{rule: "obligations: not suspended", parts: []Part{suspend, sinks, Ready("a", "100cc")},
			says: []string{`obligations (idle_suspend) held: the cluster maintains 1 sink, 2 sources, 1 materialized view; "allow_stop_maintenance": true lets it be suspended`}},
		{rule: "obligations, and the row allows it", parts: []Part{allowed, sinks, Ready("a", "100cc")}, actions: suspended,
			says: []string{"obligations (idle_suspend): suspending stops the maintenance of 1 sink, 2 sources, 1 materialized view"}},
		{rule: "an index only warns", parts: []Part{suspend, indexes, Ready("a", "100cc")}, actions: suspended,
			says: []string{"obligations (idle_suspend): suspending gives up 2 indexes, to be built anew on waking"}},
		{rule: "suspended already: no warning", parts: []Part{baseline, suspend, indexes}},
		{rule: "suspended already, and allowed: no warning", parts: []Part{baseline, allowed, sinks}},
		{rule: "obligations and in use: silent", parts: []Part{suspend, sinks, Ready("a", "100cc"), Active(time.Second)}},
		{rule: "obligations, nothing there, nothing planned: silent", parts: []Part{suspend, sinks}},
		{rule: "obligations without replicas: what is planned comes", parts: []Part{baseline, suspend, sinks}, actions: resize,
			says: []string{`obligations (idle_suspend) held: the cluster maintains 1 sink, 2 sources, 1 materialized view; "allow_stop_maintenance": true lets it be suspended`}},

		{rule: "rate limit: nothing goes any more", parts: []Part{baseline, recent(10)}, says: []string{"rate_limit held: 10 actions in the last 5 minutes (limit 10); 1 of 1 wait"}},
		{rule: "rate limit: without actions of late, a long plan is whole", parts: many, actions: allGo},
		{rule: "rate limit: room for one, the baseline first", parts: []Part{baseline, burst, Hydrating("a", "25cc"), recent(9)}, actions: resize,
			says: []string{"rate_limit held: 9 actions in the last 5 minutes (limit 10); 1 of 2 wait"}},
		{rule: "rate limit: room for all", parts: []Part{baseline, burst, Hydrating("a", "25cc"), recent(8)},
			actions: []string{"create prod_burst 400cc: burst: no replica is ready", resize[0]}},
		{rule: "rate limit: drops wait for creates", parts: []Part{baseline, Ready("b", "100cc"), Ready("a", "25cc"), Ready("c", "25cc"), recent(9)},
			actions: []string{"drop a: target_size: b has the target size 100cc and is ready"},
			says:    []string{"rate_limit held: 9 actions in the last 5 minutes (limit 10); 1 of 2 wait"}},
		{rule: "rate limit: a part of a suspension does not take the last ready one", parts: []Part{suspend, Ready("a", "25cc"), Hydrating("b", "25cc"), recent(9)},
			says: []string{"rate_limit held: 9 actions in the last 5 minutes (limit 10); 1 of 2 wait", "last_ready (idle_suspend) held: a is the last ready replica"}},

		{rule: "replica limit: a resize waits, and says so", parts: []Part{baseline, Ready("a", "25cc")}, with: limit(engine.Limits{MaxReplicasPerCluster: 1}),
			says: []string{"limits (target_size) held: r_100cc would be replica 2 of at most 1 (max_replicas_per_cluster); what is there stays until there is room"}},
		{rule: "replica limit: the baseline before the burst", parts: []Part{baseline, burst}, with: limit(engine.Limits{MaxReplicasPerCluster: 1}), actions: resize,
			says: []string{"limits (burst) held: prod_burst would be replica 2 of at most 1 (max_replicas_per_cluster)"}},
		{rule: "replica limit: drops make no room in the same plan", parts: []Part{baseline, burst, Ready("prod_burst", "400cc"), Ready("a", "25cc")}, with: limit(engine.Limits{MaxReplicasPerCluster: 2}),
			actions: []string{"drop prod_burst: burst: a is ready"},
			says:    []string{"limits (target_size) held: r_100cc would be replica 3 of at most 2 (max_replicas_per_cluster); what is there stays until there is room"}},
		{rule: "credit limit", parts: []Part{baseline, burst}, with: limit(engine.Limits{MaxCreditConsumptionRate: 12, CreditsInUse: 8}), actions: resize,
			says: []string{"limits (burst) held: prod_burst would raise consumption to 13 of at most 12 credits/hour (max_credit_consumption_rate)"}},
		{rule: "a ladder that does not fit: the largest are tried", parts: []Part{Strategy("shrink_to_fit", `{"max_replica_size": "100cc"}`)}, with: limit(engine.Limits{MaxReplicasPerCluster: 2}),
			actions: []string{"create prod_100cc 100cc: shrink_to_fit: no replicas, trying every size up to 100cc", "create prod_50cc 50cc: shrink_to_fit: no replicas, trying every size up to 100cc"},
			says:    []string{"limits (shrink_to_fit) held: prod_25cc would be replica 3 of at most 2 (max_replicas_per_cluster)"}},
		{rule: "limits that are kept: silent", parts: []Part{baseline}, with: limit(engine.Limits{MaxReplicasPerCluster: 1, MaxCreditConsumptionRate: 1}), actions: resize},

		{rule: "observe: planned, not executed", parts: []Part{baseline}, with: func(s *engine.Snapshot) { s.Observe = true }, actions: resize,
			says: []string{"observe held: the proxy only observes: nothing is executed"}},
		{rule: "observe, nothing wished", parts: []Part{baseline, Ready("a", "100cc")}, with: func(s *engine.Snapshot) { s.Observe = true },
			says: []string{"observe: the proxy only observes: nothing is executed"}},

		{rule: "two guards: the first one holds", parts: []Part{baseline, control, pause(`{}`)},
			says: []string{"control_cluster held: the controller's own cluster is not for strategies", "pause: paused"}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			s := Snapshot(Cluster("prod", test.parts...))
			if test.with != nil {
				test.with(&s)
			}
			plan := planner().Plan(s).Clusters[0]
			var says []string
			for _, g := range plan.Guards {
				line := string(g.Name)
				if g.Strategy != "" {
					line += " (" + g.Strategy + ")"
				}
				if g.Held {
					line += " held"
				}
				says = append(says, line+": "+g.Text)
			}
			if diff := cmp.Diff(test.says, says); diff != "" {
				t.Errorf("guards (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.actions, actionLines(plan.Actions)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

func actionLines(actions []engine.Action) []string {
	var list []string
	for _, a := range actions {
		line := string(a.Op) + " " + a.Replica
		if a.Op == engine.OpCreate {
			line += " " + a.Size
		}
		for _, r := range a.Reasons {
			line += ": " + r.Text
		}
		list = append(list, line)
	}
	return list
}

// A strategy whose wish is held back has not acted: it does not cool down from it.
func TestHeldWishesLeaveNoTrace(t *testing.T) {
	baseline := Strategy("target_size", `{"target_size": "100cc", "cooldown_s": 600}`)
	for name, change := range map[string]func(*engine.Snapshot){
		"limits":  func(s *engine.Snapshot) { s.Limits.MaxReplicasPerCluster = 1 },
		"rate":    func(s *engine.Snapshot) { s.Clusters[0].RecentActions, s.Clusters[0].Counted = 10, true },
		"observe": func(s *engine.Snapshot) { s.Observe = true },
		"pause":   func(s *engine.Snapshot) { Strategy("pause", `{}`)(&s.Clusters[0]) },
	} {
		s := Snapshot(Cluster("prod", baseline, Ready("a", "25cc")))
		change(&s)
		if got := string(planner().Plan(s).Clusters[0].State["target_size"]); got != `{"last_decision_ts":null}` {
			t.Errorf("%s: payload %s", name, got)
		}
	}
}

func TestGuardsSayWhenToLook(t *testing.T) {
	baseline := Strategy("target_size", `{"target_size": "100cc"}`)
	for _, test := range []struct {
		part        Part
		cause, when string
	}{
		{Strategy("pause", `{"until": "2025-06-01T12:30:00Z"}`), "pause", "2025-06-01T12:30:00Z"},
		{func(c *engine.ClusterState) { c.RecentActions, c.Counted = 10, true }, "rate_limit", "2025-06-01T12:01:00Z"},
	} {
		plan := planner().Plan(Snapshot(Cluster("prod", baseline, test.part))).Clusters[0]
		if plan.NextLook == nil || plan.NextLook.String() != test.when || plan.NextLookCause != test.cause {
			t.Errorf("next look %v by %q, want %s by %s", plan.NextLook, plan.NextLookCause, test.when, test.cause)
		}
	}
}

func TestOrphans(t *testing.T) {
	baseline := Strategy("target_size", `{"target_size": "100cc"}`)
	burst := Strategy("burst", `{"burst_replica_size": "400cc"}`)
	broken := Strategy("burst", `{}`)
	gone := []string{"drop prod_burst: burst: the strategy is gone and a is ready"}
	for _, test := range []struct {
		rule    string
		parts   []Part
		actions []string
		orphans []engine.Orphan
	}{
		{"a burst replica goes once another one is ready", []Part{baseline, Ready("a", "100cc"), Ready("prod_burst", "100cc"), Created("burst", time.Hour)}, gone, nil},
		{"without any strategy, too", []Part{Ready("a", "100cc"), Ready("prod_burst", "400cc"), Created("burst", time.Hour)}, gone, nil},
		{"none other is ready: it stays", []Part{Hydrating("a", "100cc"), Ready("prod_burst", "400cc"), Created("burst", time.Hour)}, nil, nil},
		{"two of them: one stays", []Part{Ready("a", "400cc"), Created("burst", time.Hour), Ready("prod_burst", "400cc"), Created("burst", time.Hour)},
			[]string{"drop a: burst: the strategy is gone and prod_burst is ready"}, nil},
		{"its strategy is there: not an orphan", []Part{burst, Hydrating("a", "100cc"), Ready("prod_burst", "400cc"), Created("burst", time.Hour)}, nil, nil},
		{"its strategy is there and broken: not an orphan", []Part{broken, Ready("a", "100cc"), Ready("prod_burst", "400cc"), Created("burst", time.Hour)}, nil, nil},
		{"a replica of target_size stays, and is told of", []Part{burst, Ready("r_100cc", "100cc"), Created("target_size", time.Hour)}, nil, []engine.Orphan{{Replica: "r_100cc", Strategy: "target_size"}}},
		{"what nobody created is no orphan", []Part{Ready("a", "100cc"), Ready("prod_burst", "400cc")}, nil, nil},
		{"a managed cluster is left alone", []Part{func(c *engine.ClusterState) { c.Managed = true }, Ready("a", "100cc"), Ready("prod_burst", "400cc"), Created("burst", time.Hour)}, nil, nil},
	} {
		t.Run(test.rule, func(t *testing.T) {
			plan := planner().Plan(Snapshot(Cluster("prod", test.parts...))).Clusters[0]
			if diff := cmp.Diff(test.actions, actionLines(plan.Actions)); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.orphans, plan.Orphans); diff != "" {
				t.Errorf("orphans (-want +got):\n%s", diff)
			}
			if len(plan.Guards) > 0 {
				t.Errorf("guards: %v", plan.Guards)
			}
		})
	}
}

// A strategy that is wrong does not take the last ready replica either.
func TestLastReadyStays(t *testing.T) {
	registry := engine.NewRegistry(destroyer{})
	plan := engine.Planner{Registry: registry}.Plan(Snapshot(Cluster("prod", Ready("b", "25cc"), Ready("a", "25cc"), Hydrating("c", "25cc"), Strategy("destroyer", `{}`)))).Clusters[0]
	if got, want := fmt.Sprint(actionLines(plan.Actions)), "[drop b: destroyer: why drop c: destroyer: why]"; got != want {
		t.Errorf("actions %s, want %s", got, want)
	}
	if want := []engine.Guard{{Name: engine.GuardLastReady, Strategy: "destroyer", Held: true, Text: "a is the last ready replica"}}; !cmp.Equal(plan.Guards, want) {
		t.Errorf("guards %v", plan.Guards)
	}
}

// destroyer wants nothing to exist.
type destroyer struct{}

func (destroyer) Info() engine.TypeInfo { return engine.TypeInfo{Name: "destroyer"} }

func (destroyer) Decide(in engine.Input) (d engine.Decision) {
	for _, spec := range in.Desired.Specs() {
		d.Step.Remove = append(d.Step.Remove, engine.Removal{Name: spec.Name, Why: "why"})
	}
	return d
}
