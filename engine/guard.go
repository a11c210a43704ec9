package engine

import (
	"fmt"
	"slices"
	"strings"
)

// guardInput is what the guards look at.
type guardInput struct {
	snapshot   *Snapshot
	cluster    *ClusterState
	desired    *DesiredState
	strategies []running
	pause      *Pause
}

// The actions that a cluster may take within five minutes.
const maxRecentActions = 10

// guard asks every guard in turn, each on the result of the one before, and returns those
// that had something to say. A guard changes the desired set only towards
// what is there.
func guard(in guardInput) []Guard {
	var said []Guard
	for _, ask := range []func(guardInput) []Guard{
		guardOwner, guardPause, guardObligations, guardLastReady, guardRate, guardLimits,
	} {
		said = append(said, ask(in)...)
	}
	return said
}

// holdAll brings the desired set back to what is there. It tells whether that
// made a difference.
func (in guardInput) holdAll() bool {
	if len(StateDiffer{}.Diff(in.cluster, in.desired)) == 0 {
		return false
	}
	*in.desired = *NewDesiredState(in.cluster)
	return true
}

// guardOwner keeps hands off clusters whose replicas are somebody else's.
func guardOwner(in guardInput) []Guard {
	if len(in.strategies) == 0 {
		return nil
	}
	switch {
	case in.cluster.Control:
		return []Guard{{Name: "control_cluster", Held: in.holdAll(), Text: "the controller's own cluster is not for strategies"}}
	case in.cluster.Native != "":
		return []Guard{{Name: "native_scaling", Held: in.holdAll(), Text: "the cluster is under " + in.cluster.Native}}
	}
	return nil
}

func guardPause(in guardInput) []Guard {
	if in.pause == nil {
		return nil
	}
	return []Guard{{Name: PauseType, Held: in.holdAll(), Text: in.pause.String(), Until: in.pause.Until}}
}

// String tells of the pause in one line.
func (p Pause) String() string {
	text := "paused"
	if p.By != "" {
		text += " by " + p.By
	}
	if p.Until != nil {
		text += " until " + p.Until.String()
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

// guardObligations keeps a cluster from being suspended while it maintains
// what others rely on, unless its row says that this is fine.
func guardObligations(in guardInput) []Guard {
	i := slices.IndexFunc(in.strategies, func(r running) bool { return r.name == "idle_suspend" })
	if i < 0 || len(in.desired.wants) > 0 {
		return nil
	}
	o := in.cluster.Obligations
	var what []string
	for _, kind := range []struct {
		n    int64
		noun string
	}{{o.Sinks, "sink"}, {o.Sources, "source"}, {o.MaterializedViews, "materialized view"}} {
		if kind.n > 0 {
			what = append(what, count(kind.n, kind.noun))
		}
	}
	switch {
	case len(what) > 0 && !in.strategies[i].config.Bool("allow_stop_maintenance"):
		in.desired.restore("idle_suspend")
		return []Guard{{Name: "obligations", Strategy: "idle_suspend", Held: true,
			Text: "the cluster maintains " + strings.Join(what, ", ") + `; "allow_stop_maintenance": true lets it be suspended`}}
	case len(what) > 0:
		return []Guard{{Name: "obligations", Strategy: "idle_suspend", Text: "suspending stops the maintenance of " + strings.Join(what, ", ")}}
	case o.Indexes > 0 && len(in.cluster.Replicas) > 0:
		return []Guard{{Name: "obligations", Strategy: "idle_suspend", Text: "suspending gives up " + count(o.Indexes, "index") + ", to be built anew on waking"}}
	}
	return nil
}

func count(n int64, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "x"):
		noun += "es"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// guardLastReady keeps the last ready replica, unless idle_suspend wants them
// all gone.
func guardLastReady(in guardInput) []Guard {
	var ready []string
	for _, r := range in.cluster.Replicas {
		if !in.cluster.Ready(r) {
			continue
		}
		if in.desired.Has(r.Name) {
			return nil
		}
		ready = append(ready, r.Name)
	}
	suspended := len(in.desired.wants) == 0 && slices.ContainsFunc(in.strategies, func(r running) bool { return r.name == "idle_suspend" })
	if len(ready) == 0 || suspended {
		return nil
	}
	name := slices.Min(ready)
	by := in.desired.removed[name].by
	in.desired.put(name)
	return []Guard{{Name: "last_ready", Strategy: by.Strategy, Held: true, Text: name + " is the last ready replica"}}
}

// guardRate keeps a cluster from flapping.
func guardRate(in guardInput) []Guard {
	if in.cluster.RecentActions < maxRecentActions || !in.holdAll() {
		return nil
	}
	until, _ := in.snapshot.Now.Add(seconds(60))
	return []Guard{{Name: "rate_limit", Held: true, Until: &until,
		Text: fmt.Sprintf("%d actions in the last 5 minutes (limit %d)", in.cluster.RecentActions, maxRecentActions)}}
}

// guardLimits sees the server's limits before the statements would fail: the
// strategies' wishes are granted in the order in which they ran, so that a
// baseline comes before a burst.
func guardLimits(in guardInput) []Guard {
	existing := int64(len(in.cluster.Replicas))
	limits := in.snapshot.Limits
	credits := limits.CreditsInUse
	var said []Guard
	for _, r := range in.strategies {
		for _, spec := range in.desired.Specs() {
			w := in.desired.wants[spec.Name]
			if w.exists || w.reasons[0].Strategy != r.name {
				continue
			}
			cost := in.snapshot.Credits([]ReplicaSpec{spec})
			text := ""
			switch {
			case limits.MaxReplicasPerCluster > 0 && existing+1 > limits.MaxReplicasPerCluster:
				text = fmt.Sprintf("%s would be replica %d of at most %d (max_replicas_per_cluster)", spec.Name, existing+1, limits.MaxReplicasPerCluster)
			case limits.MaxCreditConsumptionRate > 0 && credits+cost > limits.MaxCreditConsumptionRate:
				text = fmt.Sprintf("%s would raise consumption to %g of at most %g credits/hour (max_credit_consumption_rate)", spec.Name, credits+cost, limits.MaxCreditConsumptionRate)
			default:
				existing++
				credits += cost
				continue
			}
			delete(in.desired.wants, spec.Name)
			said = append(said, Guard{Name: "limits", Strategy: r.name, Held: true, Text: text})
		}
	}
	return said
}
