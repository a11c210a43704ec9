package engine

// Orphan is a replica whose strategy is gone.
type Orphan struct{ Replica, Strategy string }

// takeOrphans ends what a strategy that is gone had created for a time only: such a
// replica goes as soon as another one is ready. Other replicas
// stay, since nobody asked for their end; they are returned.
func (c StrategyCoordinator) takeOrphans(cluster *ClusterState, there []ReplicaSpec, rows Rows, desired *DesiredState, resolver *ConflictResolver) []Orphan {
	var stay []Orphan
	for _, spec := range there {
		creator, ok := cluster.CreatedBy[spec.Name]
		if !ok || rows.Of(creator) != nil || !desired.Has(spec.Name) {
			continue
		}
		if !c.registry.temporary[creator] {
			stay = append(stay, Orphan{spec.Name, creator})
			continue
		}
		if why := helpedBeside(cluster, desired, spec.Name); why != "" {
			resolver.Take(desired, creator, Step{Remove: []Removal{{spec.Name, "the strategy is gone and " + why}}})
		}
	}
	return stay
}

// helpedBeside says which replica of the desired set, not the one named, needs no help of a burst: the first by name that is ready, or else
// one that only waits for sources of its own. Empty: none.
func helpedBeside(cluster *ClusterState, desired *DesiredState, name string) string {
	awaits := ""
	for _, spec := range desired.Specs() {
		r := cluster.Replica(spec.Name)
		switch {
		case spec.Name == name || r == nil:
		case cluster.Ready(*r):
			return r.Name + " is ready"
		case awaits == "":
			awaits = r.Awaits()
		}
	}
	return awaits
}
