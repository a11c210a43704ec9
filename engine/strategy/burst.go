package strategy

import (
	"fmt"
	"math/big"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// Burst adds a second, larger replica while no other one is ready, and takes
// it away again when one is.
type Burst struct{}

var _ engine.Strategy = Burst{}

const (
	maxDuration = "max_duration_s"
	gaveUp      = "gave_up" // payload: what a burst did not help
)

// Info describes the strategy.
func (Burst) Info() engine.TypeInfo {
	return engine.TypeInfo{
		Name: "burst", Priority: 2,
		Summary: "adds a replica while no other one is ready",
		Parameters: []engine.ParameterInfo{
			{Name: "burst_replica_size", Kind: engine.KindSize, Required: true, Meaning: "the size of the added replica"},
			{Name: maxDuration, Kind: engine.KindNumber, Least: "> 0", Unit: "seconds", Default: "3600", Meaning: "a burst not ready in this time is given up"},
			engine.Cooldown,
		},
	}
}

// Decide looks at the desired set: what others planned counts, too.
func (Burst) Decide(in engine.Input) engine.Decision {
	if in.Cooling {
		return cooling(in)
	}
	name := in.Cluster.Name + "_burst"
	size := in.Config.Text("burst_replica_size")
	var others, sameSize []engine.ReplicaSpec
	for _, spec := range in.Desired.Specs() {
		if spec.Name != name {
			others = append(others, spec)
		}
		if spec.Size == size {
			sameSize = append(sameSize, spec)
		}
	}
	ready := firstReady(in.Cluster, others)
	burst := in.Cluster.Replica(name)
	switch {
	case ready != nil:
		return helped(in, name, ready)
	case burst != nil:
		return running(in, burst, others)
	case len(others) == 0:
		return none("no other replica to help")
	case len(sameSize) > 0:
		return none("%s has the burst size %s", sameSize[0].Name, size)
	case in.Payload[gaveUp] == shape(size, others):
		return engine.Decision{Verb: engine.VerbHold, Text: "an earlier burst did not help; not tried again until the replicas change"}
	}
	return create(name, size, "no replica is ready")
}

// helped ends a burst, if there is one: another replica is ready.
func helped(in engine.Input, name string, ready *engine.Replica) engine.Decision {
	d := none("%s is ready", ready.Name)
	if in.Cluster.Replica(name) != nil && in.Desired.Has(name) {
		d = drop(engine.Removal{Name: name, Why: ready.Name + " is ready"})
	}
	if in.Payload[gaveUp] != nil {
		d.Remember = map[string]any{gaveUp: nil}
	}
	return d
}

// running gives up a burst that is not ready in time. Where it cannot be told since when it runs, or
// whether it is ready, it stays.
func running(in engine.Input, burst *engine.Replica, others []engine.ReplicaSpec) engine.Decision {
	hold := engine.Decision{Verb: engine.VerbHold, Text: "waits for another replica to be ready"}
	if in.Cluster.Ready(*burst) || burst.Hydrated == nil || burst.CreatedAt == nil || len(others) == 0 {
		return hold
	}
	limit := in.Config.Number(maxDuration)
	if limit == nil {
		limit = big.NewRat(3600, 1)
	}
	age := in.Now.Since(*burst.CreatedAt)
	if age.Cmp(limit) <= 0 {
		if end, ok := burst.CreatedAt.Add(limit); ok {
			hold.Until = &end
		}
		return hold
	}
	d := drop(engine.Removal{Name: burst.Name, Why: fmt.Sprintf("did not help for %ss (limit %ss)", floor(age), floor(limit))})
	d.Remember = map[string]any{gaveUp: shape(burst.Size, others)}
	return d
}

// shape names the burst's size and the replicas that it is to help, so that a
// change of either shows.
func shape(size string, others []engine.ReplicaSpec) string {
	text := pgtext.QuoteLiteral(size)
	for _, s := range others {
		text += "; " + pgtext.QuoteIdent(s.Name) + " " + pgtext.QuoteLiteral(s.Size)
	}
	return text
}
