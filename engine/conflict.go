package engine

import (
	"cmp"
	"slices"
)

// Step is what one strategy wants to change in the desired state: replicas, or, of a managed cluster, settings.
type Step struct {
	Add    []Addition
	Remove []Removal
	Set    []Setting
}

// Addition is a replica that a strategy wants to exist.
type Addition struct {
	ReplicaSpec
	Why string // without the strategy's name
}

// Removal is a replica that a strategy does not want any more.
type Removal struct{ Name, Why string }

// Conflict is a wish of one strategy that a strategy of higher priority
// overruled.
type Conflict struct {
	Replica       string // empty: it is about an option
	Option        Option
	Winner, Loser Reason
}

// Subject is what the strategies do not agree about: the name of a replica, or an option of the cluster.
func (c Conflict) Subject() string { return cmp.Or(c.Replica, string(c.Option)) }

// ConflictResolver takes the steps of the strategies into the desired set.
// Its mode is PRIORITY: strategies are heard from the lowest to the highest
// priority, and the later word counts. Who asked for what stays known.
type ConflictResolver struct {
	Conflicts []Conflict
}

// Take applies one strategy's step.
func (r *ConflictResolver) Take(d *DesiredState, strategy string, step Step) {
	for _, removal := range step.Remove {
		r.remove(d, removal.Name, Reason{strategy, strategy + ": " + removal.Why})
	}
	for _, a := range step.Add {
		r.add(d, a.ReplicaSpec, Reason{strategy, strategy + ": " + a.Why})
	}
	for _, s := range step.Set {
		r.set(d.settings, s, Reason{strategy, strategy + ": " + s.Why})
	}
}

func (r *ConflictResolver) set(d *desiredShape, s Setting, by Reason) {
	for _, loser := range d.overruled(s) {
		r.Conflicts = append(r.Conflicts, Conflict{Option: s.Option, Winner: by, Loser: loser.by})
	}
	d.asks = append(d.asks, ask{s, by})
}

func (r *ConflictResolver) remove(d *DesiredState, name string, by Reason) {
	w := d.wanted(name)
	if w == nil {
		return
	}
	for _, loser := range w.reasons {
		r.Conflicts = append(r.Conflicts, Conflict{Replica: name, Winner: by, Loser: loser})
	}
	d.remove(name, by)
}

// add plans a replica. One that exists is never resized: of its name there is
// only the one that exists, taken out before or not.
func (r *ConflictResolver) add(d *DesiredState, spec ReplicaSpec, by Reason) {
	if old := d.taken(spec.Name); old != nil && old.exists {
		if old.spec == spec {
			d.put(spec.Name)
		}
		return
	}
	planned := want{spec: spec}
	switch w := d.wanted(spec.Name); {
	case w == nil:
	case w.exists:
		return
	case w.spec != spec: // replaced, not shared
		r.remove(d, spec.Name, by)
	default:
		planned.reasons = slices.Clone(w.reasons)
	}
	planned.reasons = append(planned.reasons, by)
	d.unremove(spec.Name)
	d.want(planned)
}

// Sorted returns the conflicts by what they are about.
func (r *ConflictResolver) Sorted() []Conflict {
	slices.SortStableFunc(r.Conflicts, func(a, b Conflict) int { return cmp.Compare(a.Subject(), b.Subject()) })
	return r.Conflicts
}
