package engine_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
)

func TestStateDiffer(t *testing.T) {
	cluster := enginetest.Cluster(`we"ird`, enginetest.Ready("z", "25cc"), enginetest.Ready("b", "25cc"), enginetest.Ready(`"`, "25cc"))
	desired := engine.NewDesiredState(&cluster)
	var resolver engine.ConflictResolver
	resolver.Take(desired, "s", step{"s", []string{"-z", `-"`, "+y 50cc", "+a it's"}}.step())
	var sql []string
	for _, a := range (engine.StateDiffer{}).Diff(&cluster, desired) {
		sql = append(sql, a.SQL)
	}
	want := []string{
		`CREATE CLUSTER REPLICA "we""ird"."a" (SIZE 'it''s')`,
		`CREATE CLUSTER REPLICA "we""ird"."y" (SIZE '50cc')`,
		`DROP CLUSTER REPLICA "we""ird".""""`,
		`DROP CLUSTER REPLICA "we""ird"."z"`,
	}
	if !slices.Equal(sql, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(sql, "\n"), strings.Join(want, "\n"))
	}
}

// Whatever strategies say: applying the statements gives the desired set, after which there is nothing left to do, and
// the order of replicas does not show.
func TestStateDifferProperties(t *testing.T) {
	names := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
	sizes := rapid.SampledFrom([]string{"25cc", "50cc"})
	rapid.Check(t, func(t *rapid.T) {
		cluster := enginetest.Cluster("prod")
		for _, name := range rapid.SliceOfNDistinct(names, 0, 5, func(s string) string { return s }).Draw(t, "existing") {
			enginetest.Ready(name, sizes.Draw(t, "size"))(&cluster)
		}
		steps := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
			wish := rapid.Custom(func(t *rapid.T) string {
				name := names.Draw(t, "name")
				if rapid.Bool().Draw(t, "remove") {
					return "-" + name
				}
				return "+" + name + " " + sizes.Draw(t, "size")
			})
			return step{rapid.SampledFrom([]string{"one", "two", "three"}).Draw(t, "strategy"), rapid.SliceOfN(wish, 0, 4).Draw(t, "wishes")}
		}), 0, 5).Draw(t, "steps")
		diff := func(c engine.ClusterState) ([]engine.Action, *engine.DesiredState) {
			desired := engine.NewDesiredState(&c)
			var resolver engine.ConflictResolver
			for _, s := range steps {
				resolver.Take(desired, s.strategy, s.step())
			}
			return engine.StateDiffer{}.Diff(&c, desired), desired
		}
		actions, desired := diff(cluster)
		after := applied(cluster, actions)
		if !slices.Equal(after.Specs(), desired.Specs()) {
			t.Fatalf("applied, it gives %v, not %v", after.Specs(), desired.Specs())
		}
		if left := (engine.StateDiffer{}).Diff(&after, engine.NewDesiredState(&after)); len(left) > 0 {
			t.Fatalf("left to do: %v", left)
		}
		slices.Reverse(cluster.Replicas)
		again, _ := diff(cluster)
		if !slices.EqualFunc(actions, again, func(a, b engine.Action) bool { return a.SQL == b.SQL && slices.Equal(a.Reasons, b.Reasons) }) {
			t.Fatalf("another order gives %v, not %v", again, actions)
		}
	})
}
