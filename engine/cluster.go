package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ClusterState is what is there: one cluster as it was observed, with the
// strategies that are configured for it.
type ClusterState struct {
	ID           string
	Name         string
	Managed      bool
	Objects      *int64     // objects that have to hydrate; nil: not known
	LastActivity *Timestamp // nil: none was ever seen
	Replicas     []Replica
	Strategies   []StrategyRow
	State        map[string]json.RawMessage // strategy type to the payload of an earlier plan
	StateFault   string                     // why what is stored as state cannot be read; empty: it can

	// Shape is what a managed cluster is set to; nil: it is not managed, or this is not known. Schedule is its SCHEDULE, in lower case; empty is
	// ScheduleManual. Reconfiguring is a change of its shape that is under way; nil: there is none.
	Shape         *Shape
	Schedule      string
	Reconfiguring *Reconfiguration
	Failed        *FailedReconfiguration // nil: the last change was none that failed
	// Changed is the last change of a managed cluster, for people; nil: not known here.
	Changed *Change
	// BurstUnknown says why it is not known whether a managed cluster has an AUTO SCALING STRATEGY; empty: it is.
	BurstUnknown string
	// BurstBy is the strategy that had the engine set the AUTO SCALING STRATEGY that there is; empty: none did.
	BurstBy string

	// What follows is optional: a snapshot without it decides as if it were
	// all quiet.

	// ActivityUnknown says why activity cannot be told, for example
	// "statement logging is off"; empty: it can. Unknown is active.
	ActivityUnknown string
	// ActivitySource says where LastActivity comes from, for people.
	ActivitySource string
	// CrashesUnknown says why it is not known how often replicas crashed; empty: it is.
	CrashesUnknown string
	// SettledAt is when a signal counts that is too fresh to be believed now;
	// nil: there is none.
	SettledAt *Timestamp
	// Obligations is what the cluster maintains for others.
	Obligations Obligations
	// Pinned lists the sources that run on one replica alone, sorted by name.
	Pinned []PinnedSource
	// Control marks the controller's own cluster: hands off.
	Control bool
	// Native names a native mechanism that owns the replicas, for example
	// "AUTO SCALING STRATEGY"; empty: none. Of a managed cluster it is what Schedule and Shape tell.
	Native string
	// CreatedBy tells for replicas that the engine created which strategy
	// asked for them, by the names that the replicas have now. Recorded says that this is complete: what is not in it
	// is somebody else's, whatever its name.
	CreatedBy map[string]string
	Recorded  bool
	// RecentActions counts the actions that were executed in the time of the snapshot's Rate. Counted tells that it does: the rate of actions is not limited where nobody counts.
	RecentActions int64
	Counted       bool
	// Unapproved are rows that were written, changed or removed without authority. They are for people: nothing is decided by them.
	Unapproved []Unapproved
	// Failures are statements that have failed lately, and were not executed since. They are for people: nothing is decided by them.
	Failures []Failure
}

// Failure is a statement that keeps failing.
type Failure struct {
	SQL   string
	Error string // the server's, of the last try
	Code  string // its SQLSTATE, where that is known
	Times int64  // in the last hour
	Last  Timestamp
	Next  *Timestamp // of the next try; nil: not known here
}

// Failure returns what is known of a statement's failures, or nil.
func (c *ClusterState) Failure(sql string) *Failure {
	for i := range c.Failures {
		if c.Failures[i].SQL == sql {
			return &c.Failures[i]
		}
	}
	return nil
}

// Obligations counts what a cluster maintains. Suspending it stops the
// maintenance of sinks, sources and materialized views.
type Obligations struct {
	Sinks, Sources, MaterializedViews, Indexes int64
	// Unknown says why not all of it is known; empty: it is.
	Unknown string
}

// Replica is a replica that exists.
type Replica struct {
	ID         string // catalog id; empty in files
	Name       string
	Size       string
	Hydrated   *bool // everything that can run on it is hydrated on it; nil: not known
	Online     bool
	OOMCount   int64 // killed for lack of memory in the last hour
	CrashCount int64 // offline with a reason in the last hour, OOMCount included

	// AwaitsSources names the sources that run on this replica alone and that it only waits for: all else is hydrated on it.
	AwaitsSources []string

	Objects         *int64     // that can run on it, for people; nil: as many as the cluster has
	HydratedObjects *int64     // for people; nil: not known
	CreatedAt       *Timestamp // nil: not known
}

// StrategyRow is a row of mz_cluster_strategies. Config is as it was stored,
// right or wrong.
type StrategyRow struct {
	Type      string
	Config    json.RawMessage
	UpdatedAt *Timestamp // nil is older than everything
	// Fault says what of the row cannot be read; empty: nothing. Such a row is older than all others of its type, and counts for nothing.
	Fault string
}

// Ready tells whether a replica can serve: it is online, and everything that
// has to hydrate on it is hydrated.
func (c *ClusterState) Ready(r Replica) bool {
	if !r.Online {
		return false
	}
	return r.Hydrated != nil && *r.Hydrated || c.Objects != nil && *c.Objects == 0
}

// Awaits says which source a replica waits for that is ready but for sources that run on it alone: no other replica can help it then.
// It is empty for others.
func (r Replica) Awaits() string {
	if !r.Online || len(r.AwaitsSources) == 0 {
		return ""
	}
	return fmt.Sprintf("%s only waits for source %q, which no other replica can run", r.Name, r.AwaitsSources[0])
}

// Replica returns the replica of that name, or nil.
func (c *ClusterState) Replica(name string) *Replica {
	for i := range c.Replicas {
		if c.Replicas[i].Name == name {
			return &c.Replicas[i]
		}
	}
	return nil
}

// createdBy names the replicas that a strategy had created, sorted; nil where no record is kept.
func (c *ClusterState) createdBy(strategy string) []string {
	if !c.Recorded {
		return nil
	}
	names := []string{}
	for _, r := range c.Replicas {
		if c.CreatedBy[r.Name] == strategy {
			names = append(names, r.Name)
		}
	}
	slices.Sort(names)
	return names
}

// Specs returns the replicas that exist, sorted by name.
func (c *ClusterState) Specs() []ReplicaSpec {
	specs := make([]ReplicaSpec, 0, len(c.Replicas))
	for _, r := range c.Replicas {
		specs = append(specs, ReplicaSpec{r.Name, r.Size})
	}
	slices.SortFunc(specs, func(a, b ReplicaSpec) int { return strings.Compare(a.Name, b.Name) })
	return specs
}

// System tells whether the cluster belongs to the system: its id does not
// begin with "u".
func (c *ClusterState) System() bool { return len(c.ID) == 0 || c.ID[0] != 'u' }
