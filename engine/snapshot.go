package engine

// Snapshot is one moment of all clusters concerned: everything that a
// decision may look at.
type Snapshot struct {
	Now                Timestamp
	EnableExperimental bool
	Sizes              []Size
	Clusters           []ClusterState
	Limits             Limits
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

// Credits returns what replicas of these sizes cost per hour. A size that is
// not offered counts as nothing.
func (s Snapshot) Credits(replicas []ReplicaSpec) float64 {
	sum := 0.0
	for _, r := range replicas {
		for _, size := range s.Sizes {
			if size.Name == r.Size {
				sum += size.CreditsPerHour
				break
			}
		}
	}
	return sum
}
