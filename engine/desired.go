package engine

import (
	"maps"
	"slices"
)

// ReplicaSpec is a replica that should exist.
type ReplicaSpec struct{ Name, Size string }

// Reason says which strategy asked for an action, and why.
type Reason struct {
	Strategy string // the strategy type, or the name of the step that asked
	Text     string // with the strategy in front, as in "burst: no replica is ready"
}

// DesiredState is the set of replicas that should exist, with who wanted each
// change and why. It starts as what is there; strategies change it through the
// ConflictResolver only.
type DesiredState struct {
	wants   map[string]want
	removed map[string]removed
	// temporary are the strategies whose replicas are there for a time only, to help others.
	temporary map[string]bool
}

// want is a member of the set.
type want struct {
	spec    ReplicaSpec
	exists  bool     // as opposed to planned
	reasons []Reason // why it is to be created; empty if it exists
}

// removed is a replica that somebody took out of the set.
type removed struct {
	want
	by Reason
}

// NewDesiredState starts with the replicas that exist.
func NewDesiredState(c *ClusterState) *DesiredState {
	d := &DesiredState{wants: map[string]want{}, removed: map[string]removed{}}
	for _, spec := range c.Specs() {
		d.wants[spec.Name] = want{spec: spec, exists: true}
	}
	return d
}

// Has tells whether a replica of that name is in the set.
func (d *DesiredState) Has(name string) bool {
	_, ok := d.wants[name]
	return ok
}

// Specs returns the set, sorted by name.
func (d *DesiredState) Specs() []ReplicaSpec {
	specs := make([]ReplicaSpec, 0, len(d.wants))
	for _, name := range slices.Sorted(maps.Keys(d.wants)) {
		specs = append(specs, d.wants[name].spec)
	}
	return specs
}

// removedBy names what one strategy took out, planned replicas included, sorted.
func (d *DesiredState) removedBy(strategy string) []string {
	var names []string
	for name, r := range d.removed {
		if r.by.Strategy == strategy {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// dropped names the existing replicas that were taken out, sorted.
func (d *DesiredState) dropped() []string {
	var names []string
	for name, r := range d.removed {
		if r.exists {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// helps tells whether a replica that is planned is there for a time only: nobody else wants it.
func (d *DesiredState) helps(name string) bool {
	for _, r := range d.wants[name].reasons {
		if !d.temporary[r.Strategy] {
			return false
		}
	}
	return true
}

// put brings back what was taken out.
func (d *DesiredState) put(name string) {
	d.wants[name] = d.removed[name].want
	delete(d.removed, name)
}
