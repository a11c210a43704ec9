package engine

import (
	"slices"
	"time"
)

// Catalog is what a write of a strategy is checked against: the clusters and sizes that exist.
type Catalog struct {
	At                    time.Time
	Clusters              []ClusterInfo
	Sizes                 []Size
	MaxReplicasPerCluster int64 // 0: not known
	Controller            Role  // that runs the DDL; zero: not known
	// NoAutoScaling says why managed clusters take no AUTO SCALING STRATEGY; empty: they do.
	NoAutoScaling string
}

// ClusterInfo is one cluster of the Catalog.
type ClusterInfo struct {
	ID, Name string
	Managed  bool
	OwnerID  string
	Owner    string // role name
	Control  bool   // the controller's own cluster
	Replicas int64
	// Schedule is the SCHEDULE of a managed cluster, in lower case; empty is ScheduleManual.
	Schedule string
}

// Role is a role of the server, as of one session.
type Role struct {
	ID, Name  string
	Superuser bool
	MemberOf  []string // ids of the roles it is a member of, direct or not
}

// MayManage tells whether the role may run DDL on a cluster: as
// superuser, as the cluster's owner, or as a member of the owning role.
func (r Role) MayManage(c ClusterInfo) bool {
	return r.Superuser || r.ID == c.OwnerID || slices.Contains(r.MemberOf, c.OwnerID)
}
