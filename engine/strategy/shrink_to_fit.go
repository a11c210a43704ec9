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
		Name: "shrink_to_fit", Priority: 1, Experimental: true,
		Summary: "tries every size up to a largest one and keeps the smallest that holds",
		Parameters: []engine.ParameterInfo{
			{Name: "max_replica_size", Kind: engine.KindSize, Required: true, Listed: true, Meaning: "the largest size to try"},
			{Name: "min_oom_count", Kind: engine.KindInteger, Least: ">= 1", Unit: "crashes per hour", Default: "1", Meaning: "out-of-memory crashes that rule a replica out"},
			{Name: "min_crash_count", Kind: engine.KindInteger, Least: ">= 1", Unit: "crashes per hour", Default: "1", Meaning: "crashes of any kind that rule a replica out"},
			engine.Cooldown,
		},
	}
}

// shrink is one decision under way: the set as it stands after each rule.
type shrink struct {
	in        engine.Input
	ladder    engine.SizeLadder
	max       string
	oom       int64
	crash     int64
	set       []engine.ReplicaSpec // sorted by name
	step      engine.Step
	protected string // the looping replica that stays because no other is ready
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
	s.tryAll()
	s.removeLooping()
	s.removeLarger()
	switch {
	case len(s.step.Add) > 0:
		return engine.Decision{Verb: engine.VerbCreate, Text: "no replicas, trying every size up to " + max, Step: s.step}
	case len(s.step.Remove) > 0:
		return engine.Decision{Verb: engine.VerbDrop, Text: names(s.step.Remove) + ": " + s.step.Remove[0].Why, Step: s.step}
	case s.smallestReady() == nil:
		return engine.Decision{Verb: engine.VerbHold, Text: "waits for a replica to be ready"}
	}
	return engine.Decision{Verb: engine.VerbNone, Text: s.smallestReady().Name + " is the smallest that holds"}
}

func (s *shrink) tryAll() {
	if len(s.set) > 0 {
		return
	}
	for _, size := range s.ladder.UpTo(s.max) {
		s.step.Add = append(s.step.Add, engine.Addition{
			ReplicaSpec: engine.ReplicaSpec{Name: s.in.Cluster.Name + "_" + size, Size: size},
			Why:         "no replicas, trying every size up to " + s.max,
		})
	}
}

// replica returns the existing replica behind a member of the set, or nil for a planned one. A planned
// replica of an existing name does not exist either.
func (s *shrink) replica(spec engine.ReplicaSpec) *engine.Replica {
	return s.in.Cluster.Replica(spec.Name)
}

func (s *shrink) looping(r *engine.Replica) bool {
	return r.OOMCount >= s.oom || r.CrashCount >= s.crash
}

func (s *shrink) ready(spec engine.ReplicaSpec) *engine.Replica {
	if r := s.replica(spec); r != nil && s.in.Cluster.Ready(*r) {
		return r
	}
	return nil
}

func (s *shrink) removeLooping() {
	s.protect()
	s.filter(func(spec engine.ReplicaSpec) (why string) {
		r := s.replica(spec)
		switch {
		case r == nil || !s.looping(r) || r.Name == s.protected:
			return ""
		case r.OOMCount >= s.oom:
			return fmt.Sprintf("%d out-of-memory crashes in the last hour (limit %d)", r.OOMCount, s.oom)
		}
		return fmt.Sprintf("%d crashes in the last hour (limit %d)", r.CrashCount, s.crash)
	})
}

// protect finds the ready replica that stays where all ready ones are looping.
func (s *shrink) protect() {
	highest := -1
	name := ""
	for _, spec := range s.set {
		r := s.ready(spec)
		if r == nil {
			continue
		}
		if !s.looping(r) {
			return
		}
		if rank := s.ladder.Rank(spec.Size); rank > highest {
			highest, name = rank, spec.Name
		}
	}
	s.protected = name
}

// smallestReady returns the ready replica of the lowest rank that is not looping, or nil.
func (s *shrink) smallestReady() *engine.Replica {
	var smallest *engine.Replica
	for _, spec := range s.set {
		r := s.ready(spec)
		if r == nil || s.looping(r) {
			continue
		}
		if smallest == nil || s.ladder.Rank(r.Size) < s.ladder.Rank(smallest.Size) {
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
