package engine

// Snapshot is one moment of all clusters concerned: everything that a
// decision may look at.
type Snapshot struct {
	Now Timestamp
	// At is the moment that it shows; zero: that is Now.
	At                 Timestamp
	EnableExperimental bool
	Sizes              []Size
	// Withheld are sizes that replicas may have but that none may be created with: they only cost something.
	Withheld []Size
	Clusters []ClusterState
	Limits   Limits
	// NoAutoScaling says why managed clusters take no AUTO SCALING STRATEGY, as that the server is too old; empty: they do.
	NoAutoScaling string
	// Rate bounds the actions of each cluster.
	Rate Rate
	// Stale says why it is not known how things are now; empty: this is how they are. Then nothing is done.
	Stale string
	// Observe says that whoever asked executes nothing.
	Observe bool
	// Pauses are rows that pause all clusters, those to come included.
	Pauses []StrategyRow
	// UnapprovedPauses are as ClusterState.Unapproved.
	UnapprovedPauses []Unapproved
	// Undated says that mz_cluster_strategies has no column updated_at: its rows are dated by when they were first seen.
	Undated bool
	// Strays are rows of mz_cluster_strategies whose cluster_id is the id of no cluster, sorted by it.
	// They decide nothing.
	Strays []Stray
}

// Stray is a row that belongs to no cluster.
type Stray struct {
	ClusterID string
	StrategyRow
}

// Size is a replica size that the system offers.
type Size struct {
	Name           string
	Processes      int64
	Workers        int64 // per process
	CreditsPerHour float64
}

// Limits are the server's own limits, where they are known.
type Limits struct {
	MaxReplicasPerCluster    int64   // 0: not known
	MaxCreditConsumptionRate float64 // credits per hour of all clusters; 0: not known
	CreditsInUse             float64 // credits per hour of all replicas that exist
}

// prices are credits per hour by size. A size that is not offered costs nothing.
type prices map[string]float64

func (s *Snapshot) prices() prices {
	p := make(prices, len(s.Sizes)+len(s.Withheld))
	for _, sizes := range [][]Size{s.Sizes, s.Withheld} {
		for _, size := range sizes {
			if _, ok := p[size.Name]; !ok {
				p[size.Name] = size.CreditsPerHour
			}
		}
	}
	return p
}

// ofShape is what a managed cluster costs once it has a shape, with the replica that helps it now where that stays.
func (p prices) ofShape(c *ClusterState, s Shape) float64 {
	sum := float64(s.Factor) * p[s.Size]
	if burst := c.BurstReplica(); burst != nil && s.Factor > 0 && s.Burst == c.Shape.Burst {
		sum += p[s.Burst]
	}
	return sum
}

// of sums up replicas.
func (p prices) of(replicas []ReplicaSpec) float64 {
	sum := 0.0
	for _, r := range replicas {
		sum += p[r.Size]
	}
	return sum
}
