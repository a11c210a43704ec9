package strategy

import (
	"cmp"
	"fmt"
	"slices"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// TargetSize keeps a baseline: replicas of one size, and none of another size once one of that size is ready.
type TargetSize struct{}

var _ engine.Shaper = TargetSize{}

const (
	replicaCount  = "replicas"
	resizeTimeout = "resize_timeout_s"
)

// Info describes the strategy.
func (TargetSize) Info() engine.TypeInfo {
	return engine.TypeInfo{
		Name: "target_size", Priority: 0,
		Summary: "keeps a replica of this size, without downtime",
		Parameters: []engine.ParameterInfo{
			{Name: "target_size", Kind: engine.KindSize, Required: true, Headline: true, Meaning: "the size of the replica to keep"},
			{Name: "replica_name", Kind: engine.KindText, Default: "r_<target_size>", Meaning: "the name for a replica that is created",
				Unmanaged: "the server names the replicas of a managed cluster"},
			{Name: replicaCount, Kind: engine.KindInteger, Least: ">= 1", Most: 100, Default: "as there are", Meaning: "how many replicas of the size to keep"},
			{Name: resizeTimeout, Kind: engine.KindNumber, Least: "> 0", Unit: "seconds", Default: "3600", Meaning: "a size not ready in this time is given up"},
			engine.Cooldown,
		},
	}
}

// baseline is one decision under way.
type baseline struct {
	in      engine.Input
	target  string
	fitting []engine.ReplicaSpec // existing ones of the target size, sorted by name
	others  []engine.ReplicaSpec // of another size
	wanted  int                  // replicas of the target size; 0: as many as there are, at least one
}

// Decide looks at the existing replicas alone.
func (TargetSize) Decide(in engine.Input) engine.Decision {
	if in.Cooling {
		return cooling(in)
	}
	b := baseline{in: in, target: in.Config.Text("target_size"), wanted: int(in.Config.Integer(replicaCount, 0))}
	for _, spec := range in.Cluster.Specs() {
		if spec.Size == b.target {
			b.fitting = append(b.fitting, spec)
		} else {
			b.others = append(b.others, spec)
		}
	}
	ready := firstReady(in.Cluster, b.fitting)
	switch {
	case len(b.fitting) == 0 && in.Payload.Text(gaveUp) == b.attempt():
		return givenUp()
	case len(b.fitting) == 0:
		return b.add(nil)
	case ready == nil:
		return b.wait()
	}
	why := ready.Name + " has the target size " + b.target + " and is ready"
	d := none(why)
	var removals []engine.Removal
	for _, spec := range b.others {
		removals = append(removals, engine.Removal{Name: spec.Name, Why: why})
	}
	removals = append(removals, b.surplus()...)
	switch {
	case len(b.fitting) < b.wanted:
		d = b.add(removals)
	case len(removals) > 0:
		d = drop(removals...)
	}
	if in.Payload.Has(gaveUp) {
		d.Remember = map[string]any{gaveUp: nil}
	}
	return d
}

// attempt names what the row asks for, and of which cluster, so that a change of either shows.
func (b baseline) attempt() string { return attempt(b.in, shape(b.target, b.others)) }

func attempt(in engine.Input, shape string) string {
	if in.UpdatedAt != nil {
		shape = in.UpdatedAt.String() + "; " + shape
	}
	return shape
}

// givenUp is the decision not to try again what was not ready in time.
func givenUp() engine.Decision {
	return engine.Decision{Verb: engine.VerbHold, Text: "the size was not ready in time; not tried again until the row or the cluster changes"}
}

// add creates the replicas of the target size that are missing.
func (b baseline) add(removals []engine.Removal) engine.Decision {
	why := "no replica of size " + b.target
	if n := len(b.fitting); n > 0 {
		why = fmt.Sprintf("%d replicas, not %d", n, b.wanted)
	}
	var d engine.Decision
	taken := map[string]bool{}
	for range max(1, b.wanted) - len(b.fitting) {
		name, taking := b.name(taken)
		taken[name] = true
		one := create(name, b.target, why+taking)
		d.Verb, d.Text = one.Verb, cmp.Or(d.Text, one.Text)
		d.Step.Add = append(d.Step.Add, one.Step.Add...)
	}
	d.Step.Remove = removals
	return d
}

// name finds a name that is free, and says whether the row's own was not.
func (b baseline) name(taken map[string]bool) (name, taking string) {
	name = b.in.Config.Text("replica_name")
	if name == "" {
		name = "r_" + b.target
	}
	if old := b.in.Cluster.Replica(name); old != nil && old.Size != b.target {
		taking = "; the name " + name + " is taken"
		name += "_" + b.target
	}
	base := name
	for n := 2; taken[name] || b.in.Cluster.Replica(name) != nil; n++ {
		name = fmt.Sprintf("%s_%d", base, n)
	}
	return name, taking
}

// surplus are the replicas of the target size that are more than the row asks for, the ready ones kept first. A row that does not say how many
// there should be has none.
func (b baseline) surplus() []engine.Removal {
	if b.wanted == 0 || len(b.fitting) <= b.wanted {
		return nil
	}
	order := slices.Clone(b.fitting)
	slices.SortStableFunc(order, func(x, y engine.ReplicaSpec) int { return b.readiness(y) - b.readiness(x) })
	var removals []engine.Removal
	for _, spec := range order[b.wanted:] {
		removals = append(removals, engine.Removal{Name: spec.Name, Why: fmt.Sprintf("%d replicas, not %d", len(b.fitting), b.wanted)})
	}
	return removals
}

func (b baseline) readiness(spec engine.ReplicaSpec) int {
	if b.in.Cluster.Ready(*existing(b.in.Cluster, spec)) {
		return 1
	}
	return 0
}

// wait gives replicas of the target size that are not ready in time up, where another one serves meanwhile. Where it cannot be told
// since when they hydrate, or how far, they stay.
func (b baseline) wait() engine.Decision {
	hold := engine.Decision{Verb: engine.VerbHold, Text: "waits for a replica of size " + b.target + " to be ready"}
	limit, late := timeout(b.in.Config), []engine.Removal(nil)
	if firstReady(b.in.Cluster, b.others) == nil {
		return hold
	}
	for _, spec := range b.fitting {
		r := existing(b.in.Cluster, spec)
		if r.Hydrated == nil || r.CreatedAt == nil || r.Awaits() != "" || b.in.Own != nil && !slices.Contains(b.in.Own, spec.Name) {
			return hold
		}
		age := b.in.Now.Since(*r.CreatedAt)
		if age.Compare(limit) <= 0 { // the regular look is soon enough
			return hold
		}
		late = append(late, engine.Removal{Name: spec.Name, Why: fmt.Sprintf("not ready after %ss (limit %ss)", age.Floor(), limit.Floor())})
	}
	d := drop(late...)
	d.Acting = map[string]any{gaveUp: b.attempt()}
	return d
}

// timeout is how many seconds a resize may take.
func timeout(c engine.Config) engine.Number { return c.Number(resizeTimeout, engine.Whole(3600)) }

// Shape sets the size, and the replication factor where the row says how many replicas there should be, or where there are none.
func (TargetSize) Shape(in engine.Input) engine.Decision {
	if in.Cooling {
		return cooling(in)
	}
	target, heading, set := in.Config.Text("target_size"), in.Desired.Shape(), in.Cluster.Shape
	d := none("the size is " + target)
	trying := attempt(in, pgtext.QuoteLiteral(target)+"; "+pgtext.QuoteLiteral(set.Size))
	switch r := in.Cluster.Reconfiguring; {
	case r != nil && r.Size == target && set.Size != target:
		d = resizing(in, r, trying)
	case heading.Size == target:
		if in.Payload.Has(gaveUp) && r == nil {
			d.Remember = map[string]any{gaveUp: nil}
		}
	case in.Payload.Text(gaveUp) == trying:
		d = givenUp()
	case refused(in, target):
		d = engine.Decision{Verb: engine.VerbHold, Text: "the server gave the size " + target + " up (" + in.Cluster.Failed.Status + "); not tried again until the row or the cluster changes"}
	default:
		old := set.Size
		if old == target { // back from a change that is under way
			old = heading.Size
		}
		d = alter(engine.Setting{Option: engine.OptionSize, Size: target, Why: fmt.Sprintf("the size is %s, not %s", old, target), Timeout: timeout(in.Config)})
		d.TimedOut = map[string]any{gaveUp: trying}
	}
	if s, ok := factor(in, heading.Factor); ok {
		d.Step.Set = append(d.Step.Set, s)
		if d.Verb == engine.VerbNone {
			d.Verb, d.Text = engine.VerbAlter, s.Why
		}
	}
	return d
}

// refused tells whether the server gave up what the strategy asked for since the row was written.
func refused(in engine.Input, target string) bool {
	f := in.Cluster.Failed
	return f != nil && f.Size == target && in.Last != nil && (in.UpdatedAt == nil || in.UpdatedAt.Compare(*in.Last) <= 0)
}

// factor is the replication factor to set, if it is not what it should be.
func factor(in engine.Input, there int64) (s engine.Setting, ok bool) {
	wanted := in.Config.Integer(replicaCount, 0)
	s = engine.Setting{Option: engine.OptionFactor, Factor: max(1, wanted), Yields: wanted == 0}
	s.Why = fmt.Sprintf("%d replicas, not %d", there, s.Factor)
	return s, there != s.Factor && (wanted > 0 || there == 0)
}

// resizing waits for the server to bring the target size about, and calls it off when that takes too long: where it is not known since when it
// is under way, since the strategy asked for it.
func resizing(in engine.Input, r *engine.Reconfiguration, trying string) engine.Decision {
	d := engine.Decision{Verb: engine.VerbHold, Phase: "resizing", Text: "waits for the size " + r.Size + " to be ready"}
	since, limit := r.Since, timeout(in.Config)
	if since == nil {
		since = in.Last
	}
	if since == nil {
		return d
	}
	age := in.Now.Since(*since)
	if age.Compare(limit) <= 0 {
		if end, ok := since.Add(limit); ok {
			d.Until = &end
		}
		return d
	}
	d = alter(engine.Setting{Option: engine.OptionSize, Size: in.Cluster.Shape.Size, Why: fmt.Sprintf("the size %s is not ready after %ss (limit %ss)", r.Size, age.Floor(), limit.Floor())})
	d.Acting = map[string]any{gaveUp: trying}
	return d
}
