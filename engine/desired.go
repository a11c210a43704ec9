package engine

import (
	"slices"
	"strings"
)

// ReplicaSpec is a replica that should exist.
type ReplicaSpec struct{ Name, Size string }

// Reason says which strategy asked for an action, and why.
type Reason struct {
	Strategy string // the strategy type, or the name of the step that asked
	Text     string // with the strategy in front, as in "burst: no replica is ready"
}

// DesiredState is the set of replicas that should exist, or the shape that a managed cluster should have, with who wanted each
// change and why. It starts as what is there; strategies change it through the
// ConflictResolver only.
type DesiredState struct {
	settings *desiredShape // of a managed cluster; nil: of another one
	wants    []want        // sorted by name
	removed  []removed     // sorted by name
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

func (w want) called(name string) int    { return strings.Compare(w.spec.Name, name) }
func (r removed) called(name string) int { return strings.Compare(r.spec.Name, name) }

// NewDesiredState starts with the replicas that exist.
func NewDesiredState(c *ClusterState) *DesiredState {
	d := desiredOf(c.Specs())
	d.shapeOf(c)
	return d
}

// shapeOf starts with the shape that a managed cluster comes to.
func (d *DesiredState) shapeOf(c *ClusterState) {
	if c.Shape != nil {
		d.settings = &desiredShape{from: c.Heading()}
	}
}

// desiredOf starts with the replicas that exist, sorted by name.
func desiredOf(specs []ReplicaSpec) *DesiredState {
	d := &DesiredState{wants: make([]want, 0, len(specs)+1)}
	for _, spec := range specs {
		d.wants = append(d.wants, want{spec: spec, exists: true})
	}
	return d
}

// Shape is what a managed cluster should be set to.
func (d *DesiredState) Shape() Shape { return d.settings.shape() }

// Firm tells whether a strategy gave a value for an option of a managed cluster.
func (d *DesiredState) Firm(o Option) bool { return d.settings.firm(o) }

// Has tells whether a replica of that name is in the set.
func (d *DesiredState) Has(name string) bool { return d.wanted(name) != nil }

// wanted returns a member of the set, or nil.
func (d *DesiredState) wanted(name string) *want {
	i, ok := slices.BinarySearchFunc(d.wants, name, want.called)
	if !ok {
		return nil
	}
	return &d.wants[i]
}

// taken returns a replica that somebody took out, or nil.
func (d *DesiredState) taken(name string) *removed {
	i, ok := slices.BinarySearchFunc(d.removed, name, removed.called)
	if !ok {
		return nil
	}
	return &d.removed[i]
}

// Specs returns the set, sorted by name.
func (d *DesiredState) Specs() []ReplicaSpec {
	specs := make([]ReplicaSpec, len(d.wants))
	for i := range d.wants {
		specs[i] = d.wants[i].spec
	}
	return specs
}

// removedBy names what one strategy took out, planned replicas included, sorted.
func (d *DesiredState) removedBy(strategy string) []string {
	return d.removedNames(func(r *removed) bool { return r.by.Strategy == strategy })
}

// takenBy tells whether a strategy took out what there would be without it, planned replicas included.
func (d *DesiredState) takenBy(strategy string) bool {
	if d.settings != nil {
		without := desiredShape{d.settings.from, slices.Clone(d.settings.asks)}
		without.forget(OptionFactor, strategy)
		return d.Shape().Factor < without.shape().Factor
	}
	return len(d.removedBy(strategy)) > 0
}

// giveBack brings back what a strategy took.
func (d *DesiredState) giveBack(strategy string) {
	if d.settings != nil {
		d.settings.forget(OptionFactor, strategy)
	}
	for _, name := range d.removedBy(strategy) {
		d.put(name)
	}
}

// dropped names the existing replicas that were taken out, sorted.
func (d *DesiredState) dropped() []string {
	return d.removedNames(func(r *removed) bool { return r.exists })
}

func (d *DesiredState) removedNames(which func(*removed) bool) []string {
	var names []string
	for i := range d.removed {
		if which(&d.removed[i]) {
			names = append(names, d.removed[i].spec.Name)
		}
	}
	return names
}

// changes counts what is to be created and dropped.
func (d *DesiredState) changes() int {
	n := 0
	if d.settings != nil {
		return number(len(d.settings.standing()) > 0)
	}
	for i := range d.wants {
		n += number(!d.wants[i].exists)
	}
	for i := range d.removed {
		n += number(d.removed[i].exists)
	}
	return n
}

// helps tells whether a replica that is planned is there for a time only: nobody else wants it.
func (d *DesiredState) helps(name string) bool {
	w := d.wanted(name)
	return w == nil || !slices.ContainsFunc(w.reasons, func(r Reason) bool { return !d.temporary[r.Strategy] })
}

// want brings a replica into the set.
func (d *DesiredState) want(w want) {
	i, there := slices.BinarySearchFunc(d.wants, w.spec.Name, want.called)
	if there {
		d.wants[i] = w
		return
	}
	d.wants = slices.Insert(d.wants, i, w)
}

// remove takes a member of the set out.
func (d *DesiredState) remove(name string, by Reason) {
	i, _ := slices.BinarySearchFunc(d.wants, name, want.called)
	w := d.wants[i]
	d.forget(name)
	at, there := slices.BinarySearchFunc(d.removed, name, removed.called)
	if there {
		d.removed[at] = removed{w, by}
		return
	}
	d.removed = slices.Insert(d.removed, at, removed{w, by})
}

// forget takes a replica out of the set as if nobody had wanted it.
func (d *DesiredState) forget(name string) {
	if i, ok := slices.BinarySearchFunc(d.wants, name, want.called); ok {
		d.wants = slices.Delete(d.wants, i, i+1)
	}
}

// put brings back what was taken out.
func (d *DesiredState) put(name string) {
	d.want(d.taken(name).want)
	d.unremove(name)
}

// unremove forgets that a replica was taken out.
func (d *DesiredState) unremove(name string) {
	if i, ok := slices.BinarySearchFunc(d.removed, name, removed.called); ok {
		d.removed = slices.Delete(d.removed, i, i+1)
	}
}
