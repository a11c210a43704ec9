package engine

import "time"

// Catalog is what a write of a strategy is checked against: the clusters and sizes that exist.
type Catalog struct {
	At                    time.Time
	Clusters              []ClusterInfo
	Sizes                 []Size
	MaxReplicasPerCluster int64 // 0: not known
}

// ClusterInfo is one cluster of the Catalog.
type ClusterInfo struct {
	ID, Name string
	Managed  bool
	OwnerID  string
	Owner    string // role name
	Control  bool   // the controller's own cluster
	Replicas int64
}

// Role is a role of the server, as of one session.
type Role struct {
	ID, Name  string
	Superuser bool
	MemberOf  []string // ids of the roles it is a member of, direct or not
}

// ActionRecord is a row of mz_cluster_strategy_actions.
type ActionRecord struct {
	ActionID  string
	ClusterID string
	SQL       string
	Context   DecisionContext
	Executed  *bool // nil: the intention is written, the result is open
	Error     string
	CreatedAt time.Time
}

// DecisionContext is the decision_ctx of an ActionRecord.
type DecisionContext struct {
	Trigger     string         `json:"trigger"`
	Role        string         `json:"role,omitempty"`
	Application string         `json:"application,omitempty"`
	Client      string         `json:"client,omitempty"`
	Strategies  []string       `json:"strategies,omitempty"`
	Reasons     []string       `json:"reasons,omitempty"`
	Op          string         `json:"op,omitempty"`
	Replica     string         `json:"replica,omitempty"`
	Size        string         `json:"size,omitempty"`
	Signals     map[string]any `json:"signals,omitempty"`
}

// ActionFilter selects ActionRecords.
type ActionFilter struct {
	ClusterID string // empty: all
	Limit     int    // 0: 20
}

// Pause is a row of type pause: no action until then.
type Pause struct {
	Until  *Timestamp // nil: until RESUME STRATEGIES
	Reason string
	By     string // role
}
