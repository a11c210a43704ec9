package strategy_test

import (
	"testing"
	"time"

	"mzproxy/engine"
	. "mzproxy/engine/enginetest"
)

func TestBurst(t *testing.T) {
	large := Strategy("burst", `{"burst_replica_size": "400cc"}`)
	rests := Strategy("burst", `{"burst_replica_size": "400cc", "cooldown_s": 60}`)
	baseline := Strategy("target_size", `{"target_size": "100cc"}`)
	added := "create prod_burst 400cc: burst: no replica is ready"
	check(t, []row{
		{"none is ready: added", []Part{large, Hydrating("a", "100cc")}, []string{added}, "no replica is ready"},
		{"only planned: added", []Part{large, baseline}, []string{added, "create r_100cc 100cc: target_size: no replica of size 100cc"}, ""},
		{"no others: nothing", []Part{large}, nil, "no other replica"},
		{"one is ready: nothing", []Part{large, Hydrating("a", "100cc"), Ready("b", "100cc")}, nil, "b is ready"},
		{"one has the burst size: nothing", []Part{large, Hydrating("a", "400cc")}, nil, "a has the burst size"},
		{"a planned one has the burst size: nothing", []Part{Strategy("target_size", `{"target_size": "400cc"}`), large},
			[]string{"create r_400cc 400cc: target_size: no replica of size 400cc"}, ""},
		{"a planned one of the burst's name is replaced", []Part{Strategy("target_size", `{"target_size": "100cc", "replica_name": "prod_burst"}`), large, Hydrating("a", "25cc")},
			[]string{added}, ""},
		{"there, one other is ready: goes", []Part{large, Hydrating("prod_burst", "400cc"), Hydrating("a", "100cc"), Ready("c", "100cc"), Ready("b", "100cc")},
			[]string{"drop prod_burst: burst: b is ready"}, ""},
		{"there, none is ready: stays", []Part{large, Ready("prod_burst", "400cc"), Hydrating("a", "100cc")}, nil, "waits for another"},
		{"there, of another size: never resized", []Part{large, Ready("prod_burst", "100cc"), Hydrating("a", "25cc")}, nil, "waits for another"},
		{"there, taken by a strategy before: once is enough", []Part{baseline, large, Ready("prod_burst", "400cc"), Ready("a", "100cc")},
			[]string{"drop prod_burst: target_size: a has the target size 100cc and is ready"}, ""},
		{"looping ones that were taken are no others", []Part{Strategy("shrink_to_fit", `{"max_replica_size": "100cc"}`), large, Hydrating("a", "100cc"), Crashing(1, 1)},
			[]string{"drop a: shrink_to_fit: 1 out-of-memory crashes in the last hour (limit 1)"}, "no other replica"},
		{"cooling down: not added", []Part{rests, Hydrating("a", "100cc"), Decided("burst", 30*time.Second)}, nil, "cooling down"},
		{"cooling down: not removed", []Part{rests, Ready("a", "100cc"), Ready("prod_burst", "400cc"), Decided("burst", 30*time.Second)}, nil, "cooling down"},
		{"one only waits for its source: no help", []Part{large, Awaiting("a", "100cc", "s")}, nil, `a only waits for source "s", which no other replica can run`},
		{"there, one only waits for its source: goes", []Part{large, Hydrating("prod_burst", "400cc"), Awaiting("a", "100cc", "s")},
			[]string{`drop prod_burst: burst: a only waits for source "s", which no other replica can run`}, ""},
		{"there, it has the source, and one is ready without: goes", []Part{large, Awaiting("prod_burst", "400cc", "s"), Ready("a", "100cc")},
			[]string{"drop prod_burst: burst: a is ready"}, ""},
		{"a source runs elsewhere, none is ready: added", []Part{large, Hydrating("a", "100cc"), Source("s", "a")}, []string{added}, "no replica is ready"},
		{"with a source it is created last", []Part{baseline, large, Source("s", "")},
			[]string{"create r_100cc 100cc: target_size: no replica of size 100cc", added}, ""},
	})
}

// Where it is on record which replicas the engine created, names mean nothing.
func TestBurstByRecord(t *testing.T) {
	large := Strategy("burst", `{"burst_replica_size": "400cc"}`)
	recorded := func(c *engine.ClusterState) { c.Recorded = true }
	check(t, []row{
		{"its own from before the cluster had another name: goes", []Part{large, recorded, Ready("a", "100cc"), Hydrating("old_burst", "400cc"), Created("burst", time.Minute)},
			[]string{"drop old_burst: burst: a is ready"}, ""},
		{"its own from before: stays while it is needed", []Part{large, recorded, Hydrating("a", "100cc"), Hydrating("old_burst", "400cc"), Created("burst", time.Minute)}, nil, "waits for another"},
		{"its own from before: given up in time", []Part{large, recorded, Hydrating("a", "100cc"), Hydrating("old_burst", "400cc"), Created("burst", 2*time.Hour)},
			[]string{"drop old_burst: burst: did not help for 7200s (limit 3600s)"}, ""},
		{"a user's own of that name: stays", []Part{large, recorded, Ready("a", "100cc"), Ready("prod_burst", "400cc")}, nil, "a is ready"},
		{"a user's own of that name is one of the others", []Part{large, recorded, Hydrating("a", "100cc"), Ready("prod_burst", "50cc")}, nil, "prod_burst is ready"},
		{"the name is taken: another one", []Part{large, recorded, Hydrating("prod_burst", "50cc")}, []string{"create prod_burst_2 400cc: burst: no replica is ready"}, ""},
	})
}

// A burst that a strategy before has taken already is no wish of this one.
func TestBurstWishesOnce(t *testing.T) {
	d := decide([]Part{Strategy("target_size", `{"target_size": "100cc"}`), Strategy("burst", `{"burst_replica_size": "400cc"}`),
		Ready("prod_burst", "400cc"), Ready("a", "100cc")}).Decisions[1]
	if d.Verb != engine.VerbNone || len(d.Step.Remove) > 0 {
		t.Errorf("%s %q, %+v", d.Verb, d.Text, d.Step)
	}
}

func TestBurstGivesUp(t *testing.T) {
	hour := Strategy("burst", `{"burst_replica_size": "400cc"}`)
	short := Strategy("burst", `{"burst_replica_size": "400cc", "max_duration_s": 90.5}`)
	a := Hydrating("a", "100cc")
	gaveUp := State("burst", `{"gave_up": "'400cc'; \"a\" '100cc'", "last_decision_ts": null}`)
	check(t, []row{
		{"an hour is the default", []Part{hour, a, Hydrating("prod_burst", "400cc"), Created("burst", time.Hour)}, nil, "waits for another"},
		{"after it: given up", []Part{hour, a, Hydrating("prod_burst", "400cc"), Created("burst", 3601*time.Second)},
			[]string{"drop prod_burst: burst: did not help for 3601s (limit 3600s)"}, ""},
		{"a limit of its own", []Part{short, a, Hydrating("prod_burst", "400cc"), Created("burst", 91*time.Second)},
			[]string{"drop prod_burst: burst: did not help for 91s (limit 90s)"}, ""},
		{"it is ready: it helps, and stays", []Part{short, a, Ready("prod_burst", "400cc"), Created("burst", 2*time.Hour)}, nil, "waits for another"},
		{"not known whether it is ready: stays", []Part{short, a, With(engine.Replica{Name: "prod_burst", Size: "400cc", Online: true}), Created("burst", 2*time.Hour)}, nil, ""},
		{"not known since when: stays", []Part{short, a, Hydrating("prod_burst", "400cc")}, nil, ""},
		{"not tried again", []Part{hour, a, gaveUp}, nil, "did not help"},
		{"until the replicas change", []Part{hour, a, Hydrating("b", "100cc"), gaveUp}, []string{"create prod_burst 400cc: burst: no replica is ready"}, ""},
		{"until its size changes", []Part{Strategy("burst", `{"burst_replica_size": "50cc"}`), a, gaveUp}, []string{"create prod_burst 50cc: burst: no replica is ready"}, ""},
	})

	t.Run("remembers", func(t *testing.T) {
		plan := decide([]Part{short, a, Hydrating("prod_burst", "400cc"), Created("burst", 2*time.Hour)})
		if got, want := string(plan.State["burst"]), `{"gave_up":"'400cc'; \"a\" '100cc'","last_decision_ts":"2025-06-01T12:00:00Z"}`; got != want {
			t.Errorf("payload %s, want %s", got, want)
		}
	})
	t.Run("forgets once another one is ready", func(t *testing.T) {
		plan := decide([]Part{hour, Ready("a", "100cc"), gaveUp})
		if got, want := string(plan.State["burst"]), `{"last_decision_ts":null}`; got != want {
			t.Errorf("payload %s, want %s", got, want)
		}
	})
	t.Run("knows when to look", func(t *testing.T) {
		plan := decide([]Part{short, a, Hydrating("prod_burst", "400cc"), Created("burst", time.Minute)})
		if plan.NextLook == nil || plan.NextLook.String() != "2025-06-01T12:00:30.5Z" || plan.NextLookCause != "burst" {
			t.Errorf("next look %v by %q", plan.NextLook, plan.NextLookCause)
		}
	})
}
