package engine

import (
	"encoding/json"
	"time"
)

// Plan is the decision about all clusters of a snapshot. One value feeds EXPLAIN STRATEGY, the what-if, notices, log lines,
// audit rows, metrics and the apply step.
type Plan struct {
	Now      time.Time
	Clusters []ClusterPlan
}

// ClusterPlan is the decision about one cluster.
type ClusterPlan struct {
	ID, Name string
	Desired  []ReplicaSpec
	Actions  []Action
	Problems []Problem
	State    map[string]json.RawMessage

	// Decisions has one entry for each strategy that ran, in the order they ran.
	Decisions []Decision
	// Guards lists what held a wish back, or warned.
	Guards []Guard
	// NextLook is when the decision may change by the mere passing of time; nil: never.
	NextLook *time.Time
	// NextLookCause names what is due then, for example "idle_suspend".
	NextLookCause string
	// Waiting is true while a replica that exists or is to be created is not ready: its hydration will
	// change the decision.
	Waiting bool
}

// Decision is what one strategy saw, wants, and why, for people.
type Decision struct {
	Strategy string
	Verb     string     // "create", "drop", "hold", "suspend", "none"
	Text     string     // one line: what it sees and why
	Until    *time.Time // when time alone may change it
}

// ReplicaSpec is a replica that should exist.
type ReplicaSpec struct{ Name, Size string }

// Problem is a finding about a user's strategy: data, not a Go error.
type Problem struct {
	Strategy string // empty: the cluster as a whole
	Code     string
	Message  string
}

// Guard is a step between resolver and differ that held a strategy's wish back.
type Guard struct {
	Name    string
	Text    string
	Held    bool // false: a warning only
	Replica string
}
