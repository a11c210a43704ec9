package engine

import (
	"maps"
	"slices"
)

// StateDiffer turns the distance between what is there and what is desired
// into statements.
type StateDiffer struct{}

// Diff returns all creates sorted by replica name, then all drops sorted by
// replica name, but for what sources that run on one replica alone ask for. A replica that was planned and removed again gives no action,
// and no name is both created and dropped.
func (StateDiffer) Diff(c *ClusterState, d *DesiredState) []Action {
	var creates, drops []Action
	for _, name := range slices.Sorted(maps.Keys(d.wants)) {
		if w := d.wants[name]; c.Replica(name) == nil {
			creates = append(creates, createReplica(c.Name, w.spec, w.reasons))
		}
	}
	for _, name := range d.dropped() {
		drops = append(drops, dropReplica(c.Name, name, []Reason{d.removed[name].by}))
	}
	mindSources(c, d, creates, drops)
	return append(creates, drops...)
}
