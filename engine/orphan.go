package engine

// Orphan is a replica whose strategy is gone.
type Orphan struct{ Replica, Strategy string }

// takeOrphans ends what a strategy that is gone had created for a time only: such a
// replica goes as soon as another one is ready. Other replicas
// stay, since nobody asked for their end; they are returned.
func (c StrategyCoordinator) takeOrphans(cluster *ClusterState, there []ReplicaSpec, rows Rows, desired *DesiredState, resolver *ConflictResolver) []Orphan {
	if desired.settings != nil {
		return nil // its replicas are the server's
	}
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

// ended is a strategy that is gone, with what is to be remembered once what it had set is taken back.
type ended struct {
	strategy string
	acting   map[string]any
}

// endSettings takes back what strategies that are gone had done for a time only: a suspension, and, on a managed cluster, an AUTO SCALING STRATEGY as
// soon as nobody needs its replica.
func (c StrategyCoordinator) endSettings(cluster *ClusterState, rows Rows, desired *DesiredState, resolver *ConflictResolver) []ended {
	if desired.settings == nil {
		return c.endSuspension(cluster, rows, desired, resolver)
	}
	var over []ended
	for _, info := range c.registry.types {
		if rows.Of(info.Name) != nil {
			continue
		}
		restore := readPayload(cluster.State[info.Name]).Integer(RestoreKey)
		switch {
		case info.Temporary && cluster.BurstBy == info.Name && desired.Shape().Burst != "" && !cluster.helped():
			resolver.Take(desired, info.Name, Step{Set: []Setting{{Option: OptionBurst, Why: "the strategy is gone"}}})
		case info.Suspends && restore > 0 && cluster.Heading().Factor == 0 && !desired.Firm(OptionFactor):
			resolver.Take(desired, info.Name, Step{Set: []Setting{{Option: OptionFactor, Factor: restore, Why: "the strategy is gone"}}})
			over = append(over, ended{info.Name, map[string]any{RestoreKey: nil}})
		}
	}
	return over
}

// helped tells whether the replica of a burst is all that a managed cluster has to wait with.
func (c *ClusterState) helped() bool { return c.BurstReplica() != nil && c.readySteady() == 0 }

// readySteady counts the ready replicas of a managed cluster that are of its size.
func (c *ClusterState) readySteady() (ready int64) {
	for _, r := range c.Steady() {
		ready += int64(number(c.serves(r)))
	}
	return ready
}
