package engine

import (
	"fmt"
	"slices"
)

// first names the strategy whose wish for one of some options stands; empty: nobody wishes any.
func (s *desiredShape) first(of ...Option) string {
	for _, a := range s.standing() {
		if slices.Contains(of, a.Option) {
			return a.by.Strategy
		}
	}
	return ""
}

// hold takes back what was asked of some options, and says so for the strategy that asked first.
func (in guardInput) hold(name GuardName, text string, of ...Option) Guard {
	g := Guard{Name: name, Strategy: in.desired.settings.first(of...), Held: true, Text: text}
	for _, o := range of {
		in.desired.settings.forget(o, "")
	}
	return g
}

// guardReconfiguration holds what the server refuses while a reconfiguration is under way. Another size takes the place of the one that
// is under way, and needs no guard.
func guardReconfiguration(in guardInput) []Guard {
	r := in.cluster.Reconfiguring
	if r == nil || in.desired.settings.first(OptionFactor) == "" {
		return nil
	}
	g := in.hold(GuardReconfiguration, r.String()+"; the replication factor cannot change before it is over", OptionFactor)
	g.Until = r.Deadline
	return []Guard{g}
}

// guardShapeLimits sees the server's limits before a statement would fail. Replicas of a new size are there beside those of the old one for
// a while.
func guardShapeLimits(in guardInput) []Guard {
	limits, set, to := in.snapshot.Limits, in.cluster.Shape, in.desired.Shape()
	added := to.Factor - in.desired.settings.from.Factor
	if in.desired.settings.first(OptionSize) != "" {
		added = to.Factor
	}
	credits := limits.CreditsInUse + float64(added)*in.prices[to.Size]
	switch {
	case added <= 0:
	case limits.MaxReplicasPerCluster > 0 && set.Factor+added > limits.MaxReplicasPerCluster:
		return []Guard{in.hold(GuardLimits, fmt.Sprintf("there would be %d of at most %d replicas (max_replicas_per_cluster)", set.Factor+added, limits.MaxReplicasPerCluster), OptionSize, OptionFactor)}
	case limits.MaxCreditConsumptionRate > 0 && credits > limits.MaxCreditConsumptionRate:
		return []Guard{in.hold(GuardLimits, fmt.Sprintf("%s x %d would raise consumption to %g of at most %g credits/hour (max_credit_consumption_rate)",
			to.Size, to.Factor, credits, limits.MaxCreditConsumptionRate), OptionSize, OptionFactor)}
	}
	return nil
}

// guardSameSize holds what the server refuses: a cluster that bursts to the size that it has. It comes after all that hold back a part of
// what is wished.
func guardSameSize(in guardInput) []Guard {
	var said []Guard
	for _, o := range []Option{OptionBurst, OptionSize} {
		to := in.desired.Shape()
		if to.Burst == "" || to.Burst != to.Size || in.desired.settings.first(o) == "" {
			continue
		}
		said = append(said, in.hold(GuardHydrationSize, "the server takes no AUTO SCALING STRATEGY with a HYDRATION SIZE of "+to.Size+", the size of the cluster", o))
	}
	return said
}

// guardLastServing keeps a managed cluster from losing the last replica that can serve, unless it is suspended: the server does not look
// which replicas a smaller factor takes, and ends a burst at once when its size changes. The change of a size needs no guard, for the old replicas
// stay until the new ones are ready. What is not known may be the last one.
func guardLastServing(in guardInput) []Guard {
	var said []Guard
	from, to := in.desired.settings.from, in.desired.Shape()
	serving, unknown := int64(0), false
	for _, r := range in.cluster.Steady() {
		serving += int64(number(in.cluster.serves(r)))
		unknown = unknown || !in.cluster.serves(r) && r.Hydrated == nil
	}
	suspended := to.Factor == 0 && in.suspends()
	if taken := from.Factor - to.Factor; taken > 0 && !suspended && serving <= taken && (serving > 0 || unknown) {
		text := fmt.Sprintf("%s may go, and only %d can serve", count(taken, "replica"), serving)
		if unknown {
			text = "it is not known which replicas can serve"
		}
		said = append(said, in.hold(GuardLastReady, text, OptionFactor))
	}
	burst := in.cluster.BurstReplica()
	if burst == nil || suspended || to.Burst == in.cluster.Shape.Burst || serving > 0 || burst.Hydrated != nil && !in.cluster.Ready(*burst) {
		return said
	}
	return append(said, in.hold(GuardLastReady, burst.Name+" helps until another replica is ready", OptionBurst))
}
