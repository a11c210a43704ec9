package engine

import (
	"encoding/json"
	"time"
)

// ClusterState is what is there: one cluster as it was observed, with the strategies that are configured for it.
type ClusterState struct {
	ID           string
	Name         string
	Managed      bool
	Objects      *int64     // objects that have to hydrate; nil: not known
	LastActivity *time.Time // nil: none was ever seen
	Replicas     []Replica
	Strategies   []StrategyRow
	State        map[string]json.RawMessage // strategy type -> payload of an earlier plan

	// ActivityUnknown says why activity cannot be told ("statement logging is off"); empty: it can. Unknown is active.
	ActivityUnknown string
}

// Replica is a replica that exists.
type Replica struct {
	ID         string // catalog id; empty in files
	Name       string
	Size       string
	Hydrated   *bool // nil: not known
	Online     bool
	OOMCount   int64
	CrashCount int64
	// HydratedObjects counts the objects that are hydrated, for people; nil: not known.
	HydratedObjects *int64
}

// StrategyRow is a row of mz_cluster_strategies. Config is as it was stored, right or wrong.
type StrategyRow struct {
	Type      string
	Config    json.RawMessage
	UpdatedAt *time.Time
}
