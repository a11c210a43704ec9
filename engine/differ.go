package engine

// StateDiffer turns the distance between what is there and what is desired
// into statements.
type StateDiffer struct{}

// Diff returns all creates sorted by replica name, then all drops sorted by
// replica name, but for what sources that run on one replica alone ask for. A replica that was planned and removed again gives no action,
// and no name is both created and dropped.
//
// Of a managed cluster it returns one statement, with the options that change; none where nothing does.
func (StateDiffer) Diff(c *ClusterState, d *DesiredState) []Action {
	if d.settings != nil {
		return alterations(c, d.settings)
	}
	var creates, drops []Action
	for _, w := range d.wants {
		if c.Replica(w.spec.Name) == nil {
			creates = append(creates, createReplica(c.Name, w.spec, w.reasons))
		}
	}
	for _, r := range d.removed {
		if r.exists {
			drops = append(drops, dropReplica(c.Name, r.spec.Name, []Reason{r.by}))
		}
	}
	mindSources(c, d, creates, drops)
	return append(creates, drops...)
}
