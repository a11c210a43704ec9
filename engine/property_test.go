package engine_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"mzproxy/engine"
)

// manySnapshots calls check with random snapshots, on all processors. The seeds are always the same; with the
// race detector on, which makes everything some ten times slower, there are fewer.
func manySnapshots(t *testing.T, check func(t *testing.T, seed uint64)) {
	t.Helper()
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // all is short-lived
	shards := uint64(runtime.GOMAXPROCS(0))
	var group sync.WaitGroup
	for shard := range shards {
		group.Go(func() {
			for seed := shard; seed < snapshots && !t.Failed(); seed += shards {
				check(t, seed)
			}
		})
	}
	group.Wait()
}

// checked is one random snapshot with its plan.
type checked struct {
	*testing.T
	seed     uint64
	snapshot engine.Snapshot
	plan     engine.Plan
	text     []byte // of the plan; nil: the snapshot cannot be used
}

func (c checked) fail(format string, args ...any) {
	c.Helper()
	text, _ := json.Marshal(c.plan)
	c.Errorf("seed %d: "+format+"\nplan %s", append(append([]any{c.seed}, args...), text)...)
}

// tryPlan plans what can be planned.
func tryPlan(snapshot []byte) (c checked) {
	var err error
	if c.snapshot, err = engine.ParseSnapshot(snapshot); err != nil {
		return c
	}
	c.plan = planner().Plan(c.snapshot)
	if c.text, err = json.Marshal(c.plan); err != nil {
		panic(err)
	}
	return c
}

// disagreement says where the engine and the oracle differ about a snapshot; empty: nowhere.
func disagreement(snapshot []byte) string {
	want, usable := oracle(snapshot)
	return difference(tryPlan(snapshot).text, want, usable)
}

// difference says where the engine gives another plan than the one wanted; empty: nowhere.
func difference(text []byte, want tree, usable bool) string {
	switch {
	case (text != nil) != usable:
		return fmt.Sprintf("usable: engine %t, oracle %t", text != nil, usable)
	case !usable:
		return ""
	}
	value, err := decodeJSON(text)
	if err != nil {
		return err.Error()
	}
	got := value.(tree)
	for _, c := range got["clusters"].([]any) {
		for _, e := range c.(tree)["errors"].([]any) {
			message, _ := e.(tree)["message"].(string)
			if message == "" || strings.ContainsAny(message, "\r\n") {
				return "an error without a line of text"
			}
			delete(e.(tree), "message")
		}
		delete(c.(tree), "guards") // of a managed cluster; what they hold shows in the actions
	}
	if !reflect.DeepEqual(got, want) {
		return fmt.Sprintf("engine %s\noracle %s", render(got), render(want))
	}
	return ""
}

func render(value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return text
}

// The engine decides as the rules say, told apart from their other telling in oracle_test.go. And what holds for every
// plan: the same snapshot gives the same bytes, however it is spelled; no name is created and dropped; the last ready replica
// stays; applying a plan leads to what it says is desired, and applying it twice to the same; statements are
// quoted; payloads tell of the decision. No guard speaks where nothing was said that it looks at.
func TestPlansOfRandomSnapshots(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	manySnapshots(t, func(t *testing.T, seed uint64) {
		g := newGenerator(seed)
		s := g.snapshot()
		if seed%16 == 0 {
			g.spoil(s)
		}
		text := g.text(s)
		want, usable := oracle(text)
		c := tryPlan(text)
		c.T, c.seed = t, seed
		if difference(c.text, want, usable) != "" {
			s = smallest(s, func(s tree) bool { return disagreement(render(s)) != "" })
			t.Errorf("seed %d: %s\n%s", seed, render(s), disagreement(render(s)))
			return
		}
		for i := range c.plan.Clusters {
			if guards := c.plan.Clusters[i].Guards; len(guards) > 0 && c.snapshot.Clusters[i].Shape == nil {
				c.fail("a guard speaks")
			}
			checkPlan(c, &c.snapshot.Clusters[i], &c.plan.Clusters[i])
		}
		if seed%4 == 1 {
			shuffled := g.text(g.shuffled(s))
			if other := tryPlan(shuffled).text; !bytes.Equal(c.text, other) {
				c.fail("another order gives another plan\n%s\n%s\n%s", text, shuffled, other)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if !usable {
			seen["unusable"]++
			return
		}
		count(seen, want)
	})
	if t.Failed() {
		return
	}
	for _, what := range []string{
		"unusable", "managed_cluster", "system_cluster", "unknown_strategy", "experimental_disabled", "bad_config", "bad_state",
		"target_size: no replica of size", "is taken", "has the target size",
		"shrink_to_fit: no replicas", "out-of-memory crashes", " crashes in the last hour", "is ready and smaller", "replicas, not", "the size is", "is not ready after", "the hydration size is not", "used again",
		"burst: no replica is ready", "burst: ", "idle for", "since the strategy was set", "no activity recorded",
	} {
		least := snapshots / 2000
		if what == "is not ready after" || what == "used again" { // several things have to meet
			least = snapshots / 10_000
		}
		if seen[what] < least {
			t.Errorf("only %d of %d snapshots lead to %q", seen[what], snapshots, what)
		}
	}
}

// count notes which rules a plan rests on.
func count(seen map[string]int, plan tree) {
	for _, item := range plan["clusters"].([]any) {
		c := item.(tree)
		for _, e := range c["errors"].([]any) {
			seen[e.(tree)["code"].(string)]++
		}
		for _, a := range c["actions"].([]any) {
			for _, reason := range a.(tree)["reasons"].([]any) {
				for _, what := range []string{"target_size: no replica of size", "is taken", "has the target size", "shrink_to_fit: no replicas", "out-of-memory crashes",
					" crashes in the last hour", "is ready and smaller", "replicas, not", "the size is", "is not ready after", "the hydration size is not", "used again", "burst: no replica is ready", "burst: ", "idle for", "since the strategy was set", "no activity recorded"} {
					if strings.Contains(reason.(string), what) {
						seen[what]++
					}
				}
			}
		}
	}
}

// smallest takes parts out of a tree as long as it stays interesting.
func smallest(t tree, interesting func(tree) bool) tree {
	for {
		smaller, found := tree(nil), false
		for _, candidate := range less(t) {
			if smaller = candidate.(tree); interesting(smaller) {
				found = true
				break
			}
		}
		if !found {
			return t
		}
		t = smaller
	}
}

// less gives the value with one part taken out, for each part there is.
func less(value any) (candidates []any) {
	switch v := value.(type) {
	case tree:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			without := maps.Clone(v)
			delete(without, key)
			candidates = append(candidates, without)
			for _, part := range less(v[key]) {
				with := maps.Clone(v)
				with[key] = part
				candidates = append(candidates, with)
			}
		}
	case []any:
		for i := range v {
			candidates = append(candidates, slices.Delete(slices.Clone(v), i, i+1))
			for _, part := range less(v[i]) {
				with := slices.Clone(v)
				with[i] = part
				candidates = append(candidates, with)
			}
		}
	}
	return candidates
}
