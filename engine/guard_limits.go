package engine

import (
	"cmp"
	"fmt"
	"slices"
)

// grants lists the replicas that are to be created, in the order in which they are
// granted where not all can be: the baseline before the burst, and of one strategy
// the largest first, for that is the one that holds.
func (in guardInput) grants() []want {
	var planned []want
	for _, w := range in.desired.wants {
		if !w.exists {
			planned = append(planned, w)
		}
	}
	rank := map[string]int{}
	for i, r := range in.strategies {
		rank[r.name] = i
	}
	slices.SortFunc(planned, func(a, b want) int {
		return cmp.Or(cmp.Compare(rank[a.reasons[0].Strategy], rank[b.reasons[0].Strategy]),
			cmp.Compare(in.prices[b.spec.Size], in.prices[a.spec.Size]), cmp.Compare(a.spec.Name, b.spec.Name))
	})
	return planned
}

// guardRate keeps a cluster from flapping: what goes beyond the number of
// actions waits, drops before creates.
func guardRate(in guardInput) []Guard {
	recent := in.cluster.RecentActions
	if !in.cluster.Counted {
		return nil
	}
	rate := in.snapshot.Rate.WithDefaults()
	room := int(max(0, rate.Actions-recent))
	wished := in.desired.changes()
	if wished <= room {
		return nil
	}
	if in.desired.settings != nil {
		in.holdAll()
	}
	for i, w := range in.grants() {
		if i >= room {
			in.desired.forget(w.spec.Name)
		}
	}
	left := room - len(in.grants())
	for i, name := range in.desired.dropped() {
		if i >= left {
			in.desired.put(name)
		}
	}
	until, _ := in.snapshot.Now.Add(Whole(60))
	text := fmt.Sprintf("%s in the last %s (limit %d); %d of %d wait", count(recent, "action"), rate.Window(), rate.Actions, wished-room, wished)
	return []Guard{{Name: GuardRateLimit, Held: true, Until: &until, Text: text}}
}

// guardLimits sees the server's limits before statements would fail. Drops come
// after creates, so they make no room in the same plan.
func guardLimits(in guardInput) []Guard {
	limits := in.snapshot.Limits
	existing := int64(len(in.cluster.Replicas))
	credits := limits.CreditsInUse
	var said []Guard
	for _, w := range in.grants() {
		cost := in.prices[w.spec.Size]
		text := ""
		switch {
		case limits.MaxReplicasPerCluster > 0 && existing >= limits.MaxReplicasPerCluster:
			text = fmt.Sprintf("%s would be replica %d of at most %d (max_replicas_per_cluster)", w.spec.Name, existing+1, limits.MaxReplicasPerCluster)
		case limits.MaxCreditConsumptionRate > 0 && credits+cost > limits.MaxCreditConsumptionRate:
			text = fmt.Sprintf("%s would raise consumption to %g of at most %g credits/hour (max_credit_consumption_rate)", w.spec.Name, credits+cost, limits.MaxCreditConsumptionRate)
		default:
			existing++
			credits += cost
			continue
		}
		in.desired.forget(w.spec.Name)
		said = append(said, Guard{Name: GuardLimits, Strategy: w.reasons[0].Strategy, Held: true, Text: text})
	}
	return said
}

// stays says what a limit means for replicas that were to be replaced.
func (in guardInput) stays() string {
	if len(in.cluster.Replicas) == 0 {
		return ""
	}
	return "; what is there stays until there is room"
}
