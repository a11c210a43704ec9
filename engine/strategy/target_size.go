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
		Summary: "keeps a replica of one size, and replaces others without downtime",
		Parameters: []engine.ParameterInfo{
			{Name: "target_size", Kind: engine.KindSize, Required: true, Meaning: "the size of the baseline replica"},
			{Name: "replica_name", Kind: engine.KindText, Default: "r_<target_size>", Meaning: "the name of a replica that is created"},
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
	isTarget := func(r engine.Replica) bool { return r.Size == target }
	exists := false
	for _, r := range in.Cluster.Replicas {
		exists = exists || isTarget(r)
	}
	if !exists {
		name, why := targetName(in, target)
		return engine.Decision{
			Verb: engine.VerbCreate,
			Text: fmt.Sprintf("%q (%s): %s", name, target, why),
			Step: engine.Step{Add: []engine.Addition{{ReplicaSpec: engine.ReplicaSpec{Name: name, Size: target}, Why: why}}},
		}
	}
	ready := firstReady(in.Cluster, isTarget)
	if ready == nil {
		return engine.Decision{Verb: engine.VerbHold, Text: "waits for a replica of size " + target + " to be ready"}
	}
	why := fmt.Sprintf("%s has the target size %s and is ready", ready.Name, target)
	var step engine.Step
	for _, r := range byName(in.Cluster) {
		if !isTarget(r) {
			step.Remove = append(step.Remove, engine.Removal{Name: r.Name, Why: why})
		}
	}
	if len(step.Remove) == 0 {
		return engine.Decision{Verb: engine.VerbNone, Text: why}
	}
	return engine.Decision{Verb: engine.VerbDrop, Text: names(step.Remove) + ": " + why, Step: step}
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

// names lists what is removed, quoted.
func names(removals []engine.Removal) string {
	text := ""
	for i, r := range removals {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprintf("%q", r.Name)
	}
	return text
}
