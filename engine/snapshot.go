package engine

import "time"

// Snapshot is one moment of all clusters concerned: everything that a decision may look at.
type Snapshot struct {
	Now                time.Time
	EnableExperimental bool
	Sizes              []Size
	Clusters           []ClusterState
}

// Size is a replica size that the system offers.
type Size struct {
	Name           string
	Processes      int64
	Workers        int64 // per process
	CreditsPerHour float64
}
