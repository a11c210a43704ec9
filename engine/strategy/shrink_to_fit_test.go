package strategy_test

import (
	"testing"
	"time"

	. "mzproxy/engine/enginetest"
)

func TestShrinkToFit(t *testing.T) {
	upTo := func(size string) Part { return Strategy("shrink_to_fit", `{"max_replica_size": "`+size+`"}`) }
	trying := func(max string, sizes ...string) []string {
		var list []string
		for _, size := range sizes {
			list = append(list, "create prod_"+size+" "+size+": shrink_to_fit: no replicas, trying every size up to "+max)
		}
		return list
	}
	check(t, []row{
		{"empty: every size of the cc ladder up to the largest", []Part{upTo("100cc")}, trying("100cc", "100cc", "25cc", "50cc"), "trying"},
		{"empty: the M.1 ladder", []Part{upTo("M.1-small")}, trying("M.1-small", "M.1-small"), ""},
		{"empty: the ladder of other names", []Part{upTo("xlarge")}, trying("xlarge", "small", "xlarge"), ""},
		{"planned by a strategy before: not empty", []Part{Strategy("target_size", `{"target_size": "50cc"}`), upTo("100cc")},
			[]string{"create r_50cc 50cc: target_size: no replica of size 50cc"}, "waits for a replica"},
		{"hydrating: all stay", []Part{upTo("100cc"), Hydrating("a", "25cc"), Hydrating("b", "100cc")}, nil, "waits for a replica"},
		{"the smallest ready one stays, larger ones go", []Part{upTo("400cc"), Hydrating("a", "25cc"), Ready("b", "50cc"), Ready("c", "100cc"), Hydrating("d", "400cc")},
			[]string{"drop c: shrink_to_fit: b of size 50cc is ready and smaller", "drop d: shrink_to_fit: b of size 50cc is ready and smaller"}, ""},
		{"equal processes and workers are ranks of their own", []Part{upTo("100cc"), Ready("a", "50cc"), Ready("b", "25cc")},
			[]string{"drop a: shrink_to_fit: b of size 25cc is ready and smaller"}, ""},
		{"two of the lowest rank stay, the first by name is the reason", []Part{upTo("100cc"), Ready("b", "25cc"), Ready("a", "25cc"), Ready("c", "100cc")},
			[]string{"drop c: shrink_to_fit: a of size 25cc is ready and smaller"}, ""},
		{"sizes that are not on the ladder rank above all others", []Part{upTo("100cc"), Ready("a", "M.1-small"), Ready("b", "gone"), Ready("c", "400cc")},
			[]string{"drop a: shrink_to_fit: c of size 400cc is ready and smaller", "drop b: shrink_to_fit: c of size 400cc is ready and smaller"}, ""},
		{"sizes that are not on the ladder rank the same", []Part{upTo("100cc"), Ready("a", "M.1-small"), Ready("b", "gone")}, nil, "a is the smallest"},
		{"planned ones of a higher rank go, too", []Part{Strategy("target_size", `{"target_size": "400cc"}`), upTo("400cc"), Ready("a", "25cc")}, nil, ""},
		{"out of memory: goes", []Part{upTo("100cc"), Hydrating("a", "25cc"), Crashing(2, 1), Ready("b", "50cc")},
			[]string{"drop a: shrink_to_fit: 1 out-of-memory crashes in the last hour (limit 1)"}, ""},
		{"other crashes: goes", []Part{upTo("100cc"), Hydrating("a", "25cc"), Crashing(2, 0), Ready("b", "50cc")},
			[]string{"drop a: shrink_to_fit: 2 crashes in the last hour (limit 1)"}, ""},
		{"below both limits: stays", []Part{Strategy("shrink_to_fit", `{"max_replica_size": "100cc", "min_oom_count": 2, "min_crash_count": 4}`), Hydrating("a", "25cc"), Crashing(3, 1)}, nil, ""},
		{"limits written as other numbers", []Part{Strategy("shrink_to_fit", `{"max_replica_size": "100cc", "min_oom_count": 2.0, "min_crash_count": 4e0}`), Hydrating("a", "25cc"), Crashing(4, 1)},
			[]string{"drop a: shrink_to_fit: 4 crashes in the last hour (limit 4)"}, ""},
		{"none is ready: all that loop go", []Part{upTo("100cc"), Hydrating("a", "25cc"), Crashing(1, 1), Hydrating("b", "50cc"), Crashing(1, 1)},
			[]string{"drop a: shrink_to_fit: 1 out-of-memory crashes in the last hour (limit 1)", "drop b: shrink_to_fit: 1 out-of-memory crashes in the last hour (limit 1)"}, ""},
		{"all ready ones loop: the highest rank stays", []Part{upTo("100cc"), Ready("a", "25cc"), Crashing(1, 1), Ready("b", "100cc"), Crashing(1, 1), Hydrating("c", "400cc"), Crashing(1, 1)},
			[]string{"drop a: shrink_to_fit: 1 out-of-memory crashes in the last hour (limit 1)", "drop c: shrink_to_fit: 1 out-of-memory crashes in the last hour (limit 1)"}, ""},
		{"all ready ones loop, same rank: the first by name stays", []Part{upTo("100cc"), Ready("b", "25cc"), Crashing(1, 1), Ready("a", "25cc"), Crashing(1, 1)},
			[]string{"drop b: shrink_to_fit: 1 out-of-memory crashes in the last hour (limit 1)"}, ""},
		{"all ready ones loop: what is left ranks nobody out", []Part{upTo("100cc"), Ready("a", "25cc"), Crashing(1, 1), Hydrating("b", "100cc")}, nil, "waits for a replica"},
		{"one ready one does not loop: looping ones go, smaller or not", []Part{upTo("100cc"), Ready("a", "25cc"), Crashing(1, 1), Ready("b", "100cc")},
			[]string{"drop a: shrink_to_fit: 1 out-of-memory crashes in the last hour (limit 1)"}, ""},
		{"cooling down: nothing", []Part{Strategy("shrink_to_fit", `{"max_replica_size": "100cc", "cooldown_s": 60}`), Decided("shrink_to_fit", 30*time.Second)}, nil, "cooling down"},
	})
}
