package strategy

import (
	"fmt"
	"math/big"

	"mzproxy/engine"
)

// Burst adds a second, larger replica while no other one is ready, and takes
// it away again when one is.
type Burst struct{}

var _ engine.Strategy = Burst{}

const (
	maxDuration = "max_duration_s"
	gaveUp      = "gave_up" // payload: the replicas that the burst did not help
)

// Info describes the strategy.
func (Burst) Info() engine.TypeInfo {
	return engine.TypeInfo{
		Name: "burst", Priority: 2,
		Summary: "adds a replica of another size while no other replica is ready",
		Parameters: []engine.ParameterInfo{
			{Name: "burst_replica_size", Kind: engine.KindSize, Required: true, Meaning: "the size of the burst replica"},
			{Name: maxDuration, Kind: engine.KindNumber, Least: "> 0", Unit: "seconds", Default: "3600", Meaning: "a burst that did not help within this time is given up"},
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
	var others []engine.ReplicaSpec
	sizeTaken := ""
	for _, spec := range in.Desired.Specs() {
		if spec.Name != name {
			others = append(others, spec)
		}
		if spec.Size == size && sizeTaken == "" {
			sizeTaken = spec.Name
		}
	}
	ready := readyAmong(in.Cluster, others)
	existing := in.Cluster.Replica(name)
	switch {
	case existing != nil && ready != "" && in.Desired.Has(name):
		d := drop(name, ready+" is ready")
		d.Remember = map[string]any{gaveUp: nil}
		return d
	case ready != "":
		return engine.Decision{Verb: engine.VerbNone, Text: ready + " is ready", Remember: forget(in)}
	case existing != nil:
		return runningBurst(in, existing, others)
	case len(others) == 0:
		return engine.Decision{Verb: engine.VerbNone, Text: "no other replica to help"}
	case sizeTaken != "":
		return engine.Decision{Verb: engine.VerbNone, Text: fmt.Sprintf("%s has the burst size %s", sizeTaken, size)}
	case in.Payload[gaveUp] == shape(others):
		return engine.Decision{Verb: engine.VerbHold, Text: "an earlier burst did not help; not tried again until the replicas change"}
	}
	return engine.Decision{
		Verb: engine.VerbCreate,
		Text: fmt.Sprintf("%q (%s): no replica is ready", name, size),
		Step: engine.Step{Add: []engine.Addition{{ReplicaSpec: engine.ReplicaSpec{Name: name, Size: size}, Why: "no replica is ready"}}},
	}
}

// runningBurst ends a burst that did not help in time. It needs to know when
// the replica was created.
func runningBurst(in engine.Input, burst *engine.Replica, others []engine.ReplicaSpec) engine.Decision {
	hold := engine.Decision{Verb: engine.VerbHold, Text: "waits for another replica to be ready"}
	limit := in.Config.Number(maxDuration)
	if limit == nil {
		limit = big.NewRat(3600, 1)
	}
	if burst.CreatedAt == nil || len(others) == 0 {
		return hold
	}
	if in.Now.Since(*burst.CreatedAt).Cmp(limit) <= 0 {
		if end, ok := burst.CreatedAt.Add(limit); ok {
			hold.Until = &end
		}
		return hold
	}
	d := drop(burst.Name, fmt.Sprintf("did not help for %ss (limit %ss)", floor(in.Now.Since(*burst.CreatedAt)), floor(limit)))
	d.Remember = map[string]any{gaveUp: shape(others)}
	return d
}

func drop(name, why string) engine.Decision {
	return engine.Decision{Verb: engine.VerbDrop, Text: fmt.Sprintf("%q: %s", name, why),
		Step: engine.Step{Remove: []engine.Removal{{Name: name, Why: why}}}}
}

// forget clears what a burst that was given up left behind.
func forget(in engine.Input) map[string]any {
	if in.Payload[gaveUp] == nil {
		return nil
	}
	return map[string]any{gaveUp: nil}
}

// shape names the replicas that a burst is to help, so that a change shows.
func shape(specs []engine.ReplicaSpec) string {
	text := ""
	for _, s := range specs {
		text += engine.QuoteIdent(s.Name) + " " + engine.QuoteLiteral(s.Size) + ";"
	}
	return text
}

func readyAmong(c *engine.ClusterState, specs []engine.ReplicaSpec) string {
	for _, spec := range specs {
		if r := c.Replica(spec.Name); r != nil && c.Ready(*r) {
			return r.Name
		}
	}
	return ""
}
