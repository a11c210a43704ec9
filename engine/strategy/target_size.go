package strategy

import (
	"fmt"

	"mzproxy/engine"
)

// TargetSize keeps a baseline: at least one replica of one size, and none of
// another size once that one is ready.
type TargetSize struct{}

var _ engine.Strategy = TargetSize{}

// Info describes the strategy.
func (TargetSize) Info() engine.TypeInfo {
	return engine.TypeInfo{
		Name: "target_size", Priority: 0,
		Summary: "keeps a replica of this size, without downtime",
		Parameters: []engine.ParameterInfo{
			{Name: "target_size", Kind: engine.KindSize, Required: true, Headline: true, Meaning: "the size of the replica to keep"},
			{Name: "replica_name", Kind: engine.KindText, Default: "r_<target_size>", Meaning: "the name for a replica that is created"},
			engine.Cooldown,
		},
	}
}

// Decide looks at the existing replicas alone.
func (TargetSize) Decide(in engine.Input) engine.Decision {
	if in.Cooling {
		return cooling(in)
	}
	target := in.Config.Text("target_size")
	var fitting, others []engine.ReplicaSpec
	for _, spec := range in.Cluster.Specs() {
		if spec.Size == target {
			fitting = append(fitting, spec)
		} else {
			others = append(others, spec)
		}
	}
	if len(fitting) == 0 {
		name, why := targetName(in, target)
		return create(name, target, why)
	}
	ready := firstReady(in.Cluster, fitting)
	if ready == nil {
		return engine.Decision{Verb: engine.VerbHold, Text: "waits for a replica of size " + target + " to be ready"}
	}
	why := ready.Name + " has the target size " + target + " and is ready"
	if len(others) == 0 {
		return none(why)
	}
	removals := make([]engine.Removal, len(others))
	for i, spec := range others {
		removals[i] = engine.Removal{Name: spec.Name, Why: why}
	}
	return drop(removals...)
}

// targetName finds a name that is free.
func targetName(in engine.Input, target string) (name, why string) {
	why = "no replica of size " + target
	name = in.Config.Text("replica_name")
	if name == "" {
		name = "r_" + target
	}
	if in.Cluster.Replica(name) == nil {
		return name, why
	}
	why += "; the name " + name + " is taken"
	base := name + "_" + target
	name = base
	for n := 2; in.Cluster.Replica(name) != nil; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name, why
}
