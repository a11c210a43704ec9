package engine

import (
	"context"
)

// Observer reads the world. Implemented by engine/materialize.
type Observer interface {
	// Observe reads one moment of the named clusters (ids); none named: of all clusters that have strategies, or state. The number
	// of queries does not depend on the number of clusters.
	Observe(ctx context.Context, clusterIDs ...string) (Snapshot, error)
}

// Trigger says why a look is taken, and who asked.
type Trigger struct {
	Kind        string // "statement", "apply", "event", "due", "resync", "start"
	Role        string
	Application string
	Client      string // address
	SQLKind     string // "INSERT", "UPDATE", ...
}

// Outcome is what one look at one cluster led to.
type Outcome struct {
	Before  ClusterState // as it was when the plan was made
	Plan    ClusterPlan
	Results []ActionResult // one per action that was tried, in order
	Observe bool           // nothing was executed: observe mode
	// Note is a line for people about something special: an orphan that stays, a leader elsewhere, ...
	Notes []string
}

// ActionResult is an executed or failed action.
type ActionResult struct {
	Action
	ActionID string
	Err      error // nil: executed
}
