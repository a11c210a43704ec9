package engine_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"mzproxy/engine"
)

func parse(t *testing.T, text []byte) engine.Snapshot {
	t.Helper()
	s, err := engine.ParseSnapshot(text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

// With everything that guards look at, what they say is never empty, they hold back and never add, and the
// invariants hold as ever.
func TestGuardedPlanInvariants(t *testing.T) {
	manySnapshots(t, func(t *testing.T, seed uint64) {
		if seed%4 != 0 {
			return
		}
		g := newGenerator(seed)
		s := g.snapshot()
		g.created(s)
		free := planner().Plan(parse(t, g.text(s)))
		g.guarded(s)
		c := checked{T: t, seed: seed, snapshot: parse(t, g.text(s))}
		c.plan = planner().Plan(c.snapshot)
		for i := range c.plan.Clusters {
			cluster, plan := &c.snapshot.Clusters[i], &c.plan.Clusters[i]
			checkPlan(c, cluster, plan)
			checkGuards(c, cluster, plan, free.Clusters[i])
		}
	})
}

// Sources that run on one replica alone change the order of statements, and nothing else: they restart once at most, on
// a replica that stays.
func TestPinnedPlanInvariants(t *testing.T) {
	manySnapshots(t, func(t *testing.T, seed uint64) {
		if seed%16 != 1 {
			return
		}
		g := newGenerator(seed)
		s := g.snapshot()
		plain := planner().Plan(parse(t, g.text(s)))
		g.pinned(s)
		c := checked{T: t, seed: seed, snapshot: parse(t, g.text(s))}
		c.plan = planner().Plan(c.snapshot)
		for i := range c.plan.Clusters {
			cluster, plan := &c.snapshot.Clusters[i], &c.plan.Clusters[i]
			checkPlan(c, cluster, plan)
			if !slices.Equal(sortedStatements(plan.Actions), sortedStatements(plain.Clusters[i].Actions)) {
				c.fail("without sources: %v", plain.Clusters[i].Actions)
			}
			restarted := map[string]bool{}
			for _, a := range plan.Actions {
				if a.Restart == nil {
					continue
				}
				if !slices.ContainsFunc(plan.Desired, func(r engine.ReplicaSpec) bool { return r.Name == a.Restart.Replica }) {
					c.fail("%s, which does not stay", a.Restart)
				}
				for _, source := range a.Restart.Sources {
					if restarted[source] {
						c.fail("%q restarts twice", source)
					}
					restarted[source] = true
				}
			}
		}
	})
}

func sortedStatements(actions []engine.Action) []string {
	var list []string
	for _, a := range actions {
		list = append(list, a.SQL)
	}
	slices.Sort(list)
	return list
}

func checkPlan(c checked, cluster *engine.ClusterState, plan *engine.ClusterPlan) {
	c.Helper()
	if cluster.Shape != nil {
		checkManaged(c, cluster, plan)
		return
	}
	checkActions(c, cluster, plan)
	checkLastReady(c, cluster, plan)
	once := applied(*cluster, plan.Actions)
	if !slices.Equal(once.Specs(), plan.Desired) {
		c.fail("applied, it gives %v", once.Specs())
	}
	if twice := applied(once, plan.Actions); !slices.Equal(twice.Specs(), plan.Desired) {
		c.fail("applied twice, it gives %v", twice.Specs())
	}
	checkPayloads(c, cluster, plan)
}

func checkPayloads(c checked, cluster *engine.ClusterState, plan *engine.ClusterPlan) {
	c.Helper()
	acted := map[string]bool{}
	for _, a := range plan.Actions {
		for _, reason := range a.Reasons {
			acted[reason.Strategy] = !c.snapshot.Observe
		}
	}
	for _, d := range plan.Decisions {
		var payload struct {
			Last string `json:"last_decision_ts"`
		}
		_ = json.Unmarshal(plan.State[d.Strategy], &payload)
		if before := cluster.State[d.Strategy]; acted[d.Strategy] != (payload.Last == c.plan.Now.String()) && !strings.Contains(string(before), payload.Last) {
			c.fail("%s acted: %t, payload %s", d.Strategy, acted[d.Strategy], plan.State[d.Strategy])
		}
	}
}

// applied is a cluster after some statements. One that would fail, for the replica is or is not there
// already, changes nothing.
func applied(c engine.ClusterState, actions []engine.Action) engine.ClusterState {
	c.Replicas = slices.Clone(c.Replicas)
	for _, a := range actions {
		if a.Alter != nil {
			c = altered(c, a)
			continue
		}
		there := slices.IndexFunc(c.Replicas, func(r engine.Replica) bool { return r.Name == a.Replica })
		switch {
		case a.Op == engine.OpCreate && there < 0:
			no := false
			c.Replicas = append(c.Replicas, engine.Replica{Name: a.Replica, Size: a.Size, Hydrated: &no, Online: true})
		case a.Op == engine.OpDrop && there >= 0:
			c.Replicas = slices.Delete(c.Replicas, there, there+1)
		}
	}
	return c
}

func checkActions(c checked, cluster *engine.ClusterState, plan *engine.ClusterPlan) {
	c.Helper()
	names := map[string]bool{}
	for i, a := range plan.Actions {
		if names[a.Replica] {
			c.fail("%q has two actions", a.Replica)
		}
		names[a.Replica] = true
		if len(a.Reasons) == 0 {
			c.fail("%q has no reason", a.SQL)
		}
		words := []any{"CREATE", "CLUSTER", "REPLICA", ident(cluster.Name), ".", ident(a.Replica), "(", "SIZE", literal(a.Size), ")"}
		if a.Op == engine.OpDrop {
			words = []any{"DROP", "CLUSTER", "REPLICA", ident(cluster.Name), ".", ident(a.Replica)}
		}
		if got := tokens(a.SQL); !slices.Equal(got, words) {
			c.fail("%s reads as %q", a.SQL, got)
		}
		if i == 0 {
			continue
		}
		if before := plan.Actions[i-1]; before.Op == engine.OpDrop && a.Op == engine.OpCreate || before.Op == a.Op && before.Replica >= a.Replica && len(cluster.Pinned) == 0 {
			c.fail("%q comes after %q", a.SQL, before.SQL)
		}
	}
}

type (
	ident   string
	literal string
)

// tokens reads a statement as a server with standard strings does.
func tokens(sql string) []any {
	var words []any
	for sql = strings.TrimSpace(sql); sql != ""; sql = strings.TrimSpace(sql) {
		if quote := sql[0]; quote == '"' || quote == '\'' {
			var text strings.Builder
			i := 1
			for ; i < len(sql); i++ {
				if sql[i] == quote {
					if i+1 == len(sql) || sql[i+1] != quote {
						break
					}
					i++
				}
				text.WriteByte(sql[i])
			}
			sql = sql[min(i+1, len(sql)):]
			if quote == '"' {
				words = append(words, ident(text.String()))
			} else {
				words = append(words, literal(text.String()))
			}
			continue
		}
		end := strings.IndexAny(sql, " .,()\"'")
		switch end {
		case -1:
			end = len(sql)
		case 0:
			end = 1
		}
		words = append(words, sql[:end])
		sql = sql[end:]
	}
	return words
}

// checkLastReady: a plan leaves a ready replica where there is one, or one that is but for sources that no other can run, unless idle_suspend
// takes all of them.
func checkLastReady(c checked, cluster *engine.ClusterState, plan *engine.ClusterPlan) {
	c.Helper()
	stays := func(r engine.Replica) bool {
		return slices.Contains(plan.Desired, engine.ReplicaSpec{Name: r.Name, Size: r.Size})
	}
	ready := func(r engine.Replica) bool { return cluster.Ready(r) }
	if !slices.ContainsFunc(cluster.Replicas, ready) || slices.ContainsFunc(cluster.Replicas, func(r engine.Replica) bool { return (ready(r) || r.Awaits() != "") && stays(r) }) {
		return
	}
	suspends := slices.ContainsFunc(plan.Actions, func(a engine.Action) bool { return a.Reasons[0].Strategy == "idle_suspend" })
	if !suspends || len(plan.Desired) > 0 {
		c.fail("the last ready replica of %q goes", cluster.Name)
	}
}

func checkGuards(c checked, cluster *engine.ClusterState, plan *engine.ClusterPlan, free engine.ClusterPlan) {
	c.Helper()
	held := map[engine.GuardName]bool{}
	for _, g := range plan.Guards {
		held[g.Name] = held[g.Name] || g.Held
		if g.Text == "" || strings.ContainsAny(g.Text, "\r\n") {
			c.fail("guard %q says %q", g.Name, g.Text)
		}
	}
	for _, a := range plan.Actions {
		if held[engine.GuardPause] || held[engine.GuardControlCluster] || held[engine.GuardNativeScaling] {
			c.fail("%s, although everything is held", a.SQL)
		}
		woken := a.Op == engine.OpCreate && held[engine.GuardObligations]
		if a.Alter != nil {
			checkHeldBack(c, a.Alter, free, held[engine.GuardObligations])
			continue
		}
		if !woken && !slices.ContainsFunc(free.Actions, func(b engine.Action) bool { return a.SQL == b.SQL }) {
			c.fail("a guard added %s", a.SQL)
		}
	}
	limits := c.snapshot.Limits
	creates := slices.IndexFunc(append(slices.Clone(plan.Actions), engine.Action{Op: engine.OpDrop}), func(a engine.Action) bool { return a.Op != engine.OpCreate })
	if limits.MaxReplicasPerCluster > 0 && creates > 0 && int64(len(cluster.Replicas)+creates) > limits.MaxReplicasPerCluster {
		c.fail("%d replicas of at most %d", len(cluster.Replicas)+creates, limits.MaxReplicasPerCluster)
	}
	if n := cluster.RecentActions; cluster.Counted && len(plan.Actions) > 0 && int64(len(plan.Actions))+n > 10 {
		c.fail("%d actions after %d", len(plan.Actions), n)
	}
	if len(plan.Actions) < len(free.Actions) && len(plan.Guards) == 0 {
		c.fail("actions are gone and no guard says why")
	}
}

// A signal that is missing leads to no drop: with nothing known about hydration, only crashes that were counted do, and
// with activity not known, idle_suspend does not.
func TestMissingSignalsDropNothing(t *testing.T) {
	withoutSignals(t, func(*engine.ClusterState) {}, func(c checked) {
		for _, plan := range c.plan.Clusters {
			for _, a := range plan.Actions {
				if a.Op == engine.OpDrop && !strings.Contains(a.Reasons[0].Text, "crashes in the last hour") {
					c.fail("%s", a.SQL)
				}
			}
		}
	})
}

// withoutSignals checks plans of snapshots in which nothing is known about hydration and activity; forget takes away more.
func withoutSignals(t *testing.T, forget func(*engine.ClusterState), check func(c checked)) {
	manySnapshots(t, func(t *testing.T, seed uint64) {
		if seed%8 != 0 {
			return
		}
		g := newGenerator(seed)
		c := checked{T: t, seed: seed, snapshot: parse(t, g.text(g.snapshot()))}
		for i := range c.snapshot.Clusters {
			cluster := &c.snapshot.Clusters[i]
			cluster.ActivityUnknown, cluster.Objects = "statement logging is off", nil
			for j := range cluster.Replicas {
				cluster.Replicas[j].Hydrated = nil
			}
			forget(cluster)
		}
		c.plan = planner().Plan(c.snapshot)
		check(c)
	})
}

// Without shrink_to_fit, which starts over where nothing holds, plans come to an end within three steps while
// nothing else happens.
func TestPlansSettle(t *testing.T) {
	manySnapshots(t, func(t *testing.T, seed uint64) {
		if seed%8 != 0 {
			return
		}
		g := newGenerator(seed)
		c := checked{T: t, seed: seed, snapshot: parse(t, g.text(g.snapshot()))}
		c.snapshot.EnableExperimental = false
		for i := range c.snapshot.Clusters { // two strategies that quarrel about one name do not settle
			rows := c.snapshot.Clusters[i].Strategies
			c.snapshot.Clusters[i].Strategies = slices.DeleteFunc(rows, func(r engine.StrategyRow) bool { return strings.Contains(string(r.Config), "_burst") })
		}
		for range 4 {
			c.plan = planner().Plan(c.snapshot)
			for i, plan := range c.plan.Clusters {
				c.snapshot.Clusters[i] = applied(c.snapshot.Clusters[i], plan.Actions)
				c.snapshot.Clusters[i].State = plan.State
			}
		}
		for _, plan := range c.plan.Clusters {
			if len(plan.Actions) > 0 {
				c.fail("still acts")
			}
		}
	})
}
