package engine_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
)

// step is what a strategy says in a test: "+name size" adds, "-name" removes.
type step struct {
	strategy string
	wishes   []string
}

func (s step) step() (step engine.Step) {
	for _, wish := range s.wishes {
		name, size, _ := strings.Cut(wish[1:], " ")
		if wish[0] == '-' {
			step.Remove = append(step.Remove, engine.Removal{Name: name, Why: "why"})
			continue
		}
		step.Add = append(step.Add, engine.Addition{ReplicaSpec: engine.ReplicaSpec{Name: name, Size: size}, Why: "why"})
	}
	return step
}

// Strategies are heard from the lowest to the highest priority, and the later word counts.
func TestConflictResolver(t *testing.T) {
	for _, test := range []struct {
		rule      string
		steps     []step
		desired   string   // "name size" of each
		actions   []string // with the strategies that asked
		conflicts []string // "replica: winner over loser"
	}{
		{rule: "nobody speaks: what exists is wanted", desired: "a 25cc, b 50cc"},
		{rule: "an addition is planned", steps: []step{{"one", []string{"+c 25cc"}}}, desired: "a 25cc, b 50cc, c 25cc", actions: []string{"create c by one"}},
		{rule: "a removal is a drop", steps: []step{{"one", []string{"-a"}}}, desired: "b 50cc", actions: []string{"drop a by one"}},
		{rule: "what is planned and removed gives no action, and is a conflict",
			steps: []step{{"one", []string{"+c 25cc"}}, {"two", []string{"-c"}}}, desired: "a 25cc, b 50cc", conflicts: []string{"c: two over one"}},
		{rule: "who removes first is the reason",
			steps: []step{{"one", []string{"-a"}}, {"two", []string{"-a"}}}, desired: "b 50cc", actions: []string{"drop a by one"}},
		{rule: "a planned replica of another size is replaced, and is a conflict",
			steps: []step{{"one", []string{"+c 25cc"}}, {"two", []string{"+c 50cc"}}}, desired: "a 25cc, b 50cc, c 50cc", actions: []string{"create c by two"}, conflicts: []string{"c: two over one"}},
		{rule: "two that want the same both are reasons",
			steps: []step{{"one", []string{"+c 25cc"}}, {"two", []string{"+c 25cc"}}}, desired: "a 25cc, b 50cc, c 25cc", actions: []string{"create c by one, two"}},
		{rule: "removing what is not there is nothing", steps: []step{{"one", []string{"-x"}}}, desired: "a 25cc, b 50cc"},
		{rule: "planned again after a removal: the later one is the reason",
			steps:   []step{{"one", []string{"+c 25cc"}}, {"two", []string{"-c"}}, {"three", []string{"+c 25cc"}}},
			desired: "a 25cc, b 50cc, c 25cc", actions: []string{"create c by three"}, conflicts: []string{"c: two over one"}},
		{rule: "taken out and wanted again: it stays, no name is dropped and created",
			steps: []step{{"one", []string{"-a"}}, {"two", []string{"+a 25cc"}}}, desired: "a 25cc, b 50cc"},
		{rule: "what exists gets no other size", steps: []step{{"one", []string{"+a 50cc"}}}, desired: "a 25cc, b 50cc"},
		{rule: "what exists gets no other size, taken out or not",
			steps: []step{{"one", []string{"-a"}}, {"two", []string{"+a 50cc"}}}, desired: "b 50cc", actions: []string{"drop a by one"}},
		{rule: "conflicts are listed by replica",
			steps: []step{{"one", []string{"+d 25cc", "+c 25cc"}}, {"two", []string{"-d", "-c"}}}, desired: "a 25cc, b 50cc", conflicts: []string{"c: two over one", "d: two over one"}},
	} {
		t.Run(test.rule, func(t *testing.T) {
			cluster := enginetest.Cluster("prod", enginetest.Ready("b", "50cc"), enginetest.Ready("a", "25cc"))
			desired := engine.NewDesiredState(&cluster)
			var resolver engine.ConflictResolver
			for _, s := range test.steps {
				resolver.Take(desired, s.strategy, s.step())
			}
			var specs, actions, conflicts []string
			for _, s := range desired.Specs() {
				specs = append(specs, s.Name+" "+s.Size)
			}
			for _, a := range (engine.StateDiffer{}).Diff(&cluster, desired) {
				var by []string
				for _, r := range a.Reasons {
					by = append(by, r.Strategy)
					if r.Text != r.Strategy+": why" {
						t.Errorf("reason %q", r.Text)
					}
				}
				actions = append(actions, string(a.Op)+" "+a.Replica+" by "+strings.Join(by, ", "))
			}
			for _, c := range resolver.Sorted() {
				conflicts = append(conflicts, c.Replica+": "+c.Winner.Strategy+" over "+c.Loser.Strategy)
			}
			if got := strings.Join(specs, ", "); got != test.desired {
				t.Errorf("desired %s, want %s", got, test.desired)
			}
			if diff := cmp.Diff(test.actions, actions); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.conflicts, conflicts); diff != "" {
				t.Errorf("conflicts (-want +got):\n%s", diff)
			}
		})
	}
}
