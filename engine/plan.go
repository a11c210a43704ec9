package engine

import "encoding/json"

// Plan is the decision about all clusters of a snapshot. One value feeds
// EXPLAIN STRATEGY, the what-if, notices, log lines, audit rows, metrics and
// the apply step, so that they cannot disagree.
type Plan struct {
	Now      Timestamp
	Clusters []ClusterPlan
}

// ClusterPlan is the decision about one cluster.
type ClusterPlan struct {
	ID, Name string
	Desired  []ReplicaSpec // sorted by name
	Actions  []Action      // creates, then drops
	Problems []Problem
	State    map[string]json.RawMessage // strategy type to the payload to store

	// Decisions has an entry for each strategy that ran, in that order.
	Decisions []Decision
	Conflicts []Conflict
	// Guards is what held a wish back, or warned.
	Guards []Guard
	// Orphans are replicas that stay although the strategy that wanted them is
	// gone.
	Orphans []Orphan
	// NextLook is when the mere passing of time may change the decision; nil:
	// never. NextLookCause names who says so.
	NextLook      *Timestamp
	NextLookCause string
	// Waiting is set while a desired replica is not ready: its hydration will
	// change the decision.
	Waiting bool

	CreditsBefore, CreditsAfter float64 // per hour
}

// Problem is a finding about what a user stored: data, not a Go error.
type Problem struct {
	Strategy string // strategy type; empty: the cluster as a whole
	Code     ProblemCode
	Message  string
}

// ProblemCode is the kind of a Problem.
type ProblemCode string

// The problem codes.
const (
	ManagedCluster       ProblemCode = "managed_cluster"
	SystemCluster        ProblemCode = "system_cluster"
	UnknownStrategy      ProblemCode = "unknown_strategy"
	ExperimentalDisabled ProblemCode = "experimental_disabled"
	BadConfig            ProblemCode = "bad_config"
	BadState             ProblemCode = "bad_state"
)

// Guard is a rule that stands above the strategies and held a wish back, or
// only warns.
type Guard struct {
	Name     string
	Strategy string // whose wish; empty: everybody's
	Held     bool
	Text     string
	Until    *Timestamp // when it may let go; nil: unknown
}

// Orphan is a replica whose strategy is gone.
type Orphan struct{ Replica, Strategy string }
