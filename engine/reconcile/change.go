package reconcile

import (
	"encoding/json"
	"slices"
	"time"

	"mzproxy/engine"
)

// ChangeRecord is a row of mz_cluster_strategy_changes: what somebody changed through a proxy, whether or not an action followed.
type ChangeRecord struct {
	ChangeID  string
	ClusterID string // engine.AllClusters for all; empty: not known
	Strategy  string // type of the row; empty: of none, or not known
	Kind      string // INSERT, UPDATE, DELETE, COPY, ..., PAUSE, RESUME, RESET
	Old, New  json.RawMessage
	Role      string
	// Application and Client say where the role's session came from.
	Application, Client string
	At                  time.Time // by the server's clock
}

// Stored returns the rows of a cluster as this process last saw them, and whether it has.
func (r *Reconciler) Stored(clusterID string) ([]engine.StrategyRow, bool) {
	w := r.work(clusterID)
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.stored), w.stored != nil
}
