package engine

// Orphan is a replica whose strategy is gone.
type Orphan struct{ Replica, Strategy string }

// takeOrphans ends what a strategy that is gone had created for a time only: such a
// replica goes as soon as another one is ready. Other replicas
// stay, since nobody asked for their end; they are returned.
func (c StrategyCoordinator) takeOrphans(cluster *ClusterState, rows map[string]StrategyRow, desired *DesiredState, resolver *ConflictResolver) []Orphan {
	var stay []Orphan
	for _, spec := range cluster.Specs() {
		creator, ok := cluster.CreatedBy[spec.Name]
		if _, configured := rows[creator]; !ok || configured || !desired.Has(spec.Name) {
			continue
		}
		if info, _ := c.registry.lookup(creator); !info.Temporary {
			stay = append(stay, Orphan{spec.Name, creator})
			continue
		}
		if ready := readyBeside(cluster, desired, spec.Name); ready != nil {
			resolver.Take(desired, creator, Step{Remove: []Removal{{spec.Name, "the strategy is gone and " + ready.Name + " is ready"}}})
		}
	}
	return stay
}

// readyBeside returns the first ready replica of the desired set by name that
// is not the one named, or nil.
func readyBeside(cluster *ClusterState, desired *DesiredState, name string) *Replica {
	for _, spec := range desired.Specs() {
		if r := cluster.Replica(spec.Name); spec.Name != name && r != nil && cluster.Ready(*r) {
			return r
		}
	}
	return nil
}
