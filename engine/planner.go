package engine

// Planner decides about whole snapshots. It is a pure function with its
// settings: the same snapshot gives the same plan.
type Planner struct {
	Registry *Registry
	// SizeAliases are names that configs may use for sizes.
	SizeAliases map[string]string
}

// Plan decides about every cluster of a snapshot, in the snapshot's order.
func (p Planner) Plan(s Snapshot) Plan {
	coordinator := NewStrategyCoordinator(p.Registry, &s, p.SizeAliases)
	plan := Plan{Now: s.Now, Clusters: make([]ClusterPlan, len(s.Clusters))}
	for i := range s.Clusters {
		plan.Clusters[i] = coordinator.Decide(&s.Clusters[i])
	}
	return plan
}
