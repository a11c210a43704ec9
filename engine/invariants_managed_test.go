package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"mzproxy/engine"
)

// altered is a managed cluster once a statement has come about.
func altered(c engine.ClusterState, a engine.Action) engine.ClusterState {
	shape := a.Alter.To
	c.Shape, c.Reconfiguring, c.Replicas = &shape, nil, nil
	for i := range shape.Factor {
		ready := true
		c.Replicas = append(c.Replicas, engine.Replica{Name: fmt.Sprint("r", i+1), Size: shape.Size, Online: true, Hydrated: &ready})
	}
	return c
}

// checkManaged: a managed cluster gets one statement at most, it says what is desired, once is as good as twice, and nothing is changed that the server refuses to
// change, or that could take away the last replica that serves.
func checkManaged(c checked, cluster *engine.ClusterState, plan *engine.ClusterPlan) {
	c.Helper()
	if len(plan.Actions) > 1 {
		c.fail("%d statements", len(plan.Actions))
	}
	checkPayloads(c, cluster, plan)
	if len(plan.Actions) == 0 {
		if !cluster.System() && cluster.ManualSchedule() && *plan.Shape != cluster.Heading() {
			c.fail("nothing is done, and %s is desired, not %s", plan.Shape, cluster.Heading())
		}
		return
	}
	a := plan.Actions[0]
	if a.Op != engine.OpAlter || len(a.Reasons) == 0 || len(a.Alter.Options) == 0 {
		c.fail("%q for %v", a.SQL, a.Reasons)
	}
	once := applied(*cluster, plan.Actions)
	if *once.Shape != *plan.Shape {
		c.fail("applied, it gives %s", once.Shape)
	}
	if twice := applied(once, plan.Actions); *twice.Shape != *plan.Shape {
		c.fail("applied twice, it gives %s", twice.Shape)
	}
	if got, want := tokens(a.SQL), alterationTokens(cluster.Name, a.Alter); !slices.Equal(got, want) {
		c.fail("%s reads as %q, not %q", a.SQL, got, want)
	}
	if from := cluster.Heading(); cluster.Reconfiguring != nil && plan.Shape.Factor != from.Factor {
		c.fail("the factor changes beside a reconfiguration")
	}
	if plan.Shape.Burst != "" && plan.Shape.Burst != cluster.Shape.Burst && (plan.Shape.Burst == plan.Shape.Size || plan.Shape.Burst == cluster.Shape.Size) {
		c.fail("a burst of the cluster's own size")
	}
	checkServes(c, cluster, plan)
}

// checkServes: where a replica serves, one goes on doing so, unless idle_suspend takes all.
func checkServes(c checked, cluster *engine.ClusterState, plan *engine.ClusterPlan) {
	c.Helper()
	serving := int64(0)
	for _, r := range cluster.Steady() {
		if cluster.Ready(r) {
			serving++
		}
	}
	suspends := slices.ContainsFunc(plan.Actions[0].Reasons, func(r engine.Reason) bool { return r.Strategy == "idle_suspend" }) && plan.Shape.Factor == 0
	taken := cluster.Heading().Factor - plan.Shape.Factor
	if burst := cluster.BurstReplica(); serving == 0 && !suspends && burst != nil && cluster.Ready(*burst) && plan.Shape.Burst != cluster.Shape.Burst {
		c.fail("the burst that serves ends")
	}
	if serving > 0 && taken >= serving && !suspends {
		c.fail("%d of %d replicas that serve go", taken, serving)
	}
}

// checkHeldBack: guards leave of a statement what it sets without them, or nothing. A cluster that may not be suspended is woken.
func checkHeldBack(c checked, a *engine.Alteration, free engine.ClusterPlan, woken bool) {
	c.Helper()
	for _, o := range a.Options {
		same := map[engine.Option]bool{engine.OptionSize: a.To.Size == free.Shape.Size, engine.OptionFactor: a.To.Factor == free.Shape.Factor || woken, engine.OptionBurst: a.To.Burst == free.Shape.Burst}
		if !same[o] {
			c.fail("a guard sets %s: %s, not %s", o, a.To, free.Shape)
		}
	}
}

func alterationTokens(cluster string, a *engine.Alteration) []any {
	words := []any{"ALTER", "CLUSTER", ident(cluster)}
	if slices.Equal(a.Options, []engine.Option{engine.OptionBurst}) && a.To.Burst == "" {
		return append(words, "RESET", "(", "AUTO", "SCALING", "STRATEGY", ")")
	}
	words = append(words, "SET", "(")
	for i, o := range a.Options {
		if i > 0 {
			words = append(words, ",")
		}
		switch {
		case o == engine.OptionSize:
			words = append(words, "SIZE", "=", literal(a.To.Size))
		case o == engine.OptionFactor:
			words = append(words, "REPLICATION", "FACTOR", "=", fmt.Sprint(a.To.Factor))
		case a.To.Burst == "":
			words = append(words, "AUTO", "SCALING", "STRATEGY", "=", "(", ")")
		default:
			words = append(words, "AUTO", "SCALING", "STRATEGY", "=", "(", "ON", "HYDRATION", "(", "HYDRATION", "SIZE", "=", literal(a.To.Burst), ")", ")")
		}
	}
	return append(words, ")")
}

// On a managed cluster of which nothing is known but what it is set to, nothing is taken away: no factor falls, no burst ends, nothing is suspended.
func TestManagedMissingSignalsTakeNothing(t *testing.T) {
	burst := func(cluster *engine.ClusterState) { cluster.BurstUnknown = "the relation cannot be read" }
	withoutSignals(t, burst, func(c checked) {
		for i, plan := range c.plan.Clusters {
			cluster := &c.snapshot.Clusters[i]
			if cluster.Shape == nil || len(plan.Actions) == 0 {
				continue
			}
			if len(cluster.Steady()) > 0 && plan.Shape.Factor < cluster.Heading().Factor || plan.Shape.Burst != cluster.Shape.Burst {
				c.fail("%s", plan.Actions[0].SQL)
			}
		}
	})
}
