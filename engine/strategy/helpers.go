package strategy

import (
	"math/big"
	"slices"
	"strings"

	"mzproxy/engine"
)

// byName returns the cluster's replicas sorted by name.
func byName(c *engine.ClusterState) []engine.Replica {
	replicas := slices.Clone(c.Replicas)
	slices.SortFunc(replicas, func(a, b engine.Replica) int { return strings.Compare(a.Name, b.Name) })
	return replicas
}

// firstReady returns the first replica by name that is ready and qualifies.
func firstReady(c *engine.ClusterState, qualifies func(engine.Replica) bool) *engine.Replica {
	for _, r := range byName(c) {
		if c.Ready(r) && qualifies(r) {
			return &r
		}
	}
	return nil
}

// cooling is the decision of a strategy that rests.
func cooling(in engine.Input) engine.Decision {
	return engine.Decision{Verb: engine.VerbHold, Text: "cooling down", Until: in.CooledAt}
}

// floor rounds seconds down to an integer.
func floor(seconds *big.Rat) string {
	return new(big.Int).Div(seconds.Num(), seconds.Denom()).String()
}
