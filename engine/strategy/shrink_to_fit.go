package strategy

import (
	"fmt"

	"mzproxy/engine"
)

// ShrinkToFit tries sizes and keeps the smallest one that holds. It is
// experimental: for a while, it pays for many replicas.
type ShrinkToFit struct{}

var _ engine.Strategy = ShrinkToFit{}

// Info describes the strategy.
func (ShrinkToFit) Info() engine.TypeInfo {
	return engine.TypeInfo{
		Name: "shrink_to_fit", Priority: 1, Experimental: true, EachSize: true,
		Summary:      "finds the smallest size that holds",
		Unmanaged:    "a managed cluster has one size at a time, and shrink_to_fit tries several beside one another",
		InsteadThere: "Use target_size there, and change its size as you learn which one holds.",
		Parameters: []engine.ParameterInfo{
			{Name: "max_replica_size", Kind: engine.KindSize, Required: true, Headline: true, Listed: true, Meaning: "the largest size to try"},
			{Name: "min_oom_count", Kind: engine.KindInteger, Least: ">= 1", Unit: "crashes/hour", Default: "1", Meaning: "out-of-memory crashes that rule a size out"},
			{Name: "min_crash_count", Kind: engine.KindInteger, Least: ">= 1", Unit: "crashes/hour", Default: "1", Meaning: "crashes of any kind that rule a size out"},
			engine.Cooldown,
		},
	}
}

// shrink is one decision under way: the set as it stands after each rule.
type shrink struct {
	in     engine.Input
	ladder engine.SizeLadder
	max    string
	oom    int64
	crash  int64
	set    []engine.ReplicaSpec // sorted by name
	step   engine.Step
	spared *engine.Replica // the looping replica that stays because no other is ready; nil: none
}

// Decide adds every size to an empty cluster, takes looping replicas out, and
// then all that are larger than the smallest one that is ready.
func (ShrinkToFit) Decide(in engine.Input) engine.Decision {
	if in.Cooling {
		return cooling(in)
	}
	max := in.Config.Text("max_replica_size")
	s := &shrink{
		in: in, max: max, ladder: engine.NewSizeLadder(in.Sizes, max), set: in.Desired.Specs(),
		oom: in.Config.Integer("min_oom_count", 1), crash: in.Config.Integer("min_crash_count", 1),
	}
	if len(s.set) == 0 {
		return s.tryAll()
	}
	if why := in.Cluster.CrashesUnknown; why != "" {
		return engine.Decision{Verb: engine.VerbHold, Text: "crashes are not known: " + why}
	}
	s.removeLooping()
	s.removeLarger()
	if len(s.step.Remove) > 0 {
		return drop(s.step.Remove...)
	}
	if smallest := s.smallestReady(); smallest != nil {
		return none(smallest.Name + " is the smallest that holds")
	}
	return engine.Decision{Verb: engine.VerbHold, Text: "waits for a replica to be ready"}
}

func (s *shrink) tryAll() engine.Decision {
	why := "no replicas, trying every size up to " + s.max
	for _, size := range s.ladder.UpTo(s.max) {
		spec := engine.ReplicaSpec{Name: s.in.Cluster.Name + "_" + size, Size: size}
		s.step.Add = append(s.step.Add, engine.Addition{ReplicaSpec: spec, Why: why})
	}
	return engine.Decision{Verb: engine.VerbCreate, Text: why, Step: s.step}
}

func (s *shrink) looping(r *engine.Replica) bool {
	return r.OOMCount >= s.oom || r.CrashCount >= s.crash
}

// ready returns the replicas of the set that are ready, sorted by name.
func (s *shrink) ready() []*engine.Replica {
	var ready []*engine.Replica
	for _, spec := range s.set {
		if r := existing(s.in.Cluster, spec); r != nil && s.in.Cluster.Ready(*r) {
			ready = append(ready, r)
		}
	}
	return ready
}

func (s *shrink) removeLooping() {
	s.spare()
	s.filter(func(spec engine.ReplicaSpec) (why string) {
		r := existing(s.in.Cluster, spec)
		switch {
		case r == nil || !s.looping(r) || r == s.spared:
			return ""
		case r.OOMCount >= s.oom:
			return fmt.Sprintf("%d out-of-memory crashes in the last hour (limit %d)", r.OOMCount, s.oom)
		}
		return fmt.Sprintf("%d crashes in the last hour (limit %d)", r.CrashCount, s.crash)
	})
}

// spare finds the ready replica that stays where all ready ones are looping.
func (s *shrink) spare() {
	if s.smallestReady() != nil {
		return
	}
	for _, r := range s.ready() {
		if s.spared == nil || s.ladder.Rank(r.Size) > s.ladder.Rank(s.spared.Size) {
			s.spared = r
		}
	}
}

// smallestReady returns the ready replica of the lowest rank that is not looping, or nil.
func (s *shrink) smallestReady() *engine.Replica {
	var smallest *engine.Replica
	for _, r := range s.ready() {
		if !s.looping(r) && (smallest == nil || s.ladder.Rank(r.Size) < s.ladder.Rank(smallest.Size)) {
			smallest = r
		}
	}
	return smallest
}

func (s *shrink) removeLarger() {
	smallest := s.smallestReady()
	if smallest == nil {
		return
	}
	s.filter(func(spec engine.ReplicaSpec) (why string) {
		if s.ladder.Rank(spec.Size) <= s.ladder.Rank(smallest.Size) {
			return ""
		}
		return fmt.Sprintf("%s of size %s is ready and smaller", smallest.Name, smallest.Size)
	})
}

// filter takes out of the set what there is a reason for.
func (s *shrink) filter(why func(engine.ReplicaSpec) string) {
	var kept []engine.ReplicaSpec
	for _, spec := range s.set {
		if text := why(spec); text != "" {
			s.step.Remove = append(s.step.Remove, engine.Removal{Name: spec.Name, Why: text})
			continue
		}
		kept = append(kept, spec)
	}
	s.set = kept
}
