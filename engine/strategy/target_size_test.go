package strategy_test

import (
	"testing"
	"time"

	"mzproxy/engine"
	. "mzproxy/engine/enginetest"
)

func TestTargetSize(t *testing.T) {
	medium := Strategy("target_size", `{"target_size": "100cc"}`)
	named := Strategy("target_size", `{"target_size": "100cc", "replica_name": "main"}`)
	rests := Strategy("target_size", `{"target_size": "100cc", "cooldown_s": 60}`)
	yes := true
	check(t, []row{
		{"no replica: one is created", []Part{medium}, []string{"create r_100cc 100cc: target_size: no replica of size 100cc"}, "r_100cc"},
		{"no replica, named: one of that name is created", []Part{named}, []string{"create main 100cc: target_size: no replica of size 100cc"}, ""},
		{"the old replica stays until the new one is ready", []Part{medium, Ready("old", "25cc")},
			[]string{"create r_100cc 100cc: target_size: no replica of size 100cc"}, ""},
		{"a taken name gets the size", []Part{named, Ready("main", "25cc")},
			[]string{"create main_100cc 100cc: target_size: no replica of size 100cc; the name main is taken"}, ""},
		{"that name taken too: a number", []Part{named, Ready("main", "25cc"), Ready("main_100cc", "25cc")},
			[]string{"create main_100cc_2 100cc: target_size: no replica of size 100cc; the name main is taken"}, ""},
		{"and the next number", []Part{named, Ready("main", "25cc"), Ready("main_100cc", "25cc"), Ready("main_100cc_2", "25cc")},
			[]string{"create main_100cc_3 100cc: target_size: no replica of size 100cc; the name main is taken"}, ""},
		{"the default name taken", []Part{medium, Ready("r_100cc", "25cc")},
			[]string{"create r_100cc_100cc 100cc: target_size: no replica of size 100cc; the name r_100cc is taken"}, ""},
		{"one of the size hydrates: nothing changes", []Part{medium, Ready("old", "25cc"), Hydrating("r_100cc", "100cc")}, nil, "waits for a replica of size 100cc"},
		{"one of the size is ready: the others go", []Part{medium, Ready("z", "25cc"), Ready("r_100cc", "100cc"), Hydrating("a", "400cc")},
			[]string{"drop a: target_size: r_100cc has the target size 100cc and is ready", "drop z: target_size: r_100cc has the target size 100cc and is ready"}, `"a", "z"`},
		{"the reason names the first ready one", []Part{medium, Ready("c", "100cc"), Hydrating("a", "100cc"), Ready("b", "100cc"), Ready("old", "25cc")},
			[]string{"drop old: target_size: b has the target size 100cc and is ready"}, ""},
		{"several of the size stay, whatever their names", []Part{medium, Ready("a", "100cc"), Ready("b", "100cc"), Hydrating("c", "100cc")}, nil, "has the target size"},
		{"hydrated but offline is not ready", []Part{medium, Ready("old", "25cc"), With(engine.Replica{Name: "new", Size: "100cc", Hydrated: &yes})}, nil, ""},
		{"not known to be hydrated is not ready", []Part{medium, Ready("old", "25cc"), With(engine.Replica{Name: "new", Size: "100cc", Online: true})}, nil, ""},
		{"nothing to hydrate: online is ready", []Part{medium, Objects(0), Ready("old", "25cc"), Hydrating("new", "100cc")},
			[]string{"drop old: target_size: new has the target size 100cc and is ready"}, ""},
		{"a size in another letter case is another size", []Part{medium, Ready("old", "100CC")},
			[]string{"create r_100cc 100cc: target_size: no replica of size 100cc"}, ""},
		{"cooling down: nothing", []Part{rests, Decided("target_size", 59*time.Second)}, nil, "cooling down"},
		{"cooled down: acts", []Part{rests, Decided("target_size", 60*time.Second)}, []string{"create r_100cc 100cc: target_size: no replica of size 100cc"}, ""},
		{"a decision in the future: cooling down", []Part{rests, Decided("target_size", -time.Hour)}, nil, "cooling down"},
		{"no cooldown: a decision of now does not matter", []Part{medium, Decided("target_size", 0)}, []string{"create r_100cc 100cc: target_size: no replica of size 100cc"}, ""},
	})
}
