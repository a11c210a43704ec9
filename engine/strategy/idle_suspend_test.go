package strategy_test

import (
	"testing"
	"time"

	"mzproxy/engine"
	. "mzproxy/engine/enginetest"
)

func TestIdleSuspend(t *testing.T) {
	minute := Strategy("idle_suspend", `{"idle_after_s": 60}`)
	rests := Strategy("idle_suspend", `{"idle_after_s": 60, "cooldown_s": 600}`)
	neverSet := func(c *engine.ClusterState) {
		c.Strategies = append(c.Strategies, engine.StrategyRow{Type: "idle_suspend", Config: []byte(`{"idle_after_s": 60.9}`)})
	}
	unknown := func(c *engine.ClusterState) { c.ActivityUnknown = "statement logging is off" }
	baseline := Strategy("target_size", `{"target_size": "100cc"}`)
	taken := State("idle_suspend", `{"last_decision_ts": null, "restore": {"a": "100cc", "b": "25cc"}}`)
	check(t, []row{
		{"in use: stays", []Part{minute, Ready("a", "100cc"), Active(time.Second)}, nil, "last activity 1 s ago; suspends at 12:00:59 UTC"},
		{"just not idle", []Part{minute, Ready("a", "100cc"), Active(time.Minute)}, nil, "last activity 60 s ago"},
		{"idle: all go", []Part{minute, Ready("a", "100cc"), Hydrating("b", "25cc"), Active(61 * time.Second)},
			[]string{"drop a: idle_suspend: idle for 61s (limit 60s)", "drop b: idle_suspend: idle for 61s (limit 60s)"}, "idle for"},
		{"idle by less than a second", []Part{minute, Ready("a", "100cc"), Active(time.Minute + time.Nanosecond)}, []string{"drop a: idle_suspend: idle for 60s (limit 60s)"}, ""},
		{"no activity since the strategy was set", []Part{minute, Ready("a", "100cc")},
			[]string{"drop a: idle_suspend: no activity in the 3600s since the strategy was set (limit 60s)"}, ""},
		{"no activity, and nobody knows when it was set", []Part{neverSet, Ready("a", "100cc")}, []string{"drop a: idle_suspend: no activity recorded"}, ""},
		{"activity in the future: stays", []Part{minute, Ready("a", "100cc"), Active(-time.Hour)}, nil, "last activity"},
		{"idle: what is planned goes, too", []Part{baseline, minute, Active(time.Hour)}, nil, "suspended, idle for 3600s"},
		{"in use again: what is planned comes", []Part{baseline, minute, Active(time.Second)}, []string{"create r_100cc 100cc: target_size: no replica of size 100cc"}, ""},
		{"cooling down: stays", []Part{rests, Ready("a", "100cc"), Active(time.Hour), Decided("idle_suspend", time.Minute)}, nil, "cooling down"},
		{"cooling down, suspended: stays suspended", []Part{baseline, rests, Active(time.Hour), Decided("idle_suspend", time.Minute)}, nil, "suspended"},
		{"cooling down, suspended, in use again: wakes", []Part{baseline, rests, Active(time.Second), Decided("idle_suspend", time.Minute)},
			[]string{"create r_100cc 100cc: target_size: no replica of size 100cc"}, ""},
		{"activity cannot be told: stays", []Part{minute, unknown, Ready("a", "100cc"), Active(time.Hour)}, nil, "activity is not known: statement logging is off"},
		{"in use again: what was there comes", []Part{minute, taken, Active(time.Second)},
			[]string{"create a 100cc: idle_suspend: used again, as before it was suspended", "create b 25cc: idle_suspend: used again, as before it was suspended"}, "back to what was there"},
		{"in use again, half of it is there", []Part{minute, taken, Ready("a", "100cc"), Active(time.Second)}, []string{"create b 25cc: idle_suspend: used again, as before it was suspended"}, ""},
		{"in use again, another strategy has one of the size", []Part{baseline, minute, taken, Active(time.Second)},
			[]string{"create b 25cc: idle_suspend: used again, as before it was suspended", "create r_100cc 100cc: target_size: no replica of size 100cc"}, ""},
		{"all is back", []Part{minute, taken, Ready("a", "100cc"), Ready("b", "25cc"), Active(time.Second)}, nil, "last activity"},
		{"idle: what was there stays away", []Part{minute, taken, Active(time.Hour)}, nil, "suspended, idle for"},
	})
}

// What was there comes back, too, when the strategy is taken away.
func TestSuspensionEnds(t *testing.T) {
	taken := State("idle_suspend", `{"last_decision_ts": null, "restore": {"a": "100cc"}}`)
	other := Strategy("burst", `{"burst_replica_size": "100cc"}`)
	for rule, parts := range map[string][]Part{"no strategy": {taken}, "another one": {other, taken}} {
		plan := decide(parts)
		if len(plan.Actions) == 0 || lines(plan.Actions)[0] != "create a 100cc: idle_suspend: the strategy is gone" {
			t.Errorf("%s: %v", rule, lines(plan.Actions))
		}
		if string(plan.State["idle_suspend"]) != `{"last_decision_ts":"2025-06-01T12:00:00Z"}` {
			t.Errorf("%s: it is not forgotten: %s", rule, plan.State["idle_suspend"])
		}
	}
	if plan := decide([]Part{taken, Ready("b", "25cc")}); len(plan.Actions) > 0 {
		t.Errorf("beside another replica: %v", lines(plan.Actions))
	}
}

// What has to come back is what no other strategy asks for.
func TestSuspending(t *testing.T) {
	s := Snapshot(Cluster("prod", Strategy("target_size", `{"target_size": "25cc"}`), Ready("mine", "100cc"), Ready("target", "25cc"), Created("target_size", time.Hour), Ready("old", "50cc"), Created("burst", time.Hour),
		Ready("back", "50cc"), Created("idle_suspend", time.Hour)))
	if got := string(s.Clusters[0].Suspending("idle_suspend", []byte(`{"last_decision_ts":null}`))); got != `{"last_decision_ts":null,"restore":{"back":"50cc","mine":"100cc","old":"50cc"}}` {
		t.Error(got)
	}
}
