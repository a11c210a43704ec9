package reconcile

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"mzproxy/engine"
)

// ClusterMemory is what is stored about a cluster between looks.
type ClusterMemory struct {
	// Strategies are the payloads of the strategies, by their types.
	Strategies map[string]json.RawMessage `json:"strategies"`
	// Replicas tells which strategy asked for a replica that the engine created, by the replica's id: names change, and come again.
	Replicas map[string]string `json:"replicas,omitempty"`
	// Burst tells which strategy had an AUTO SCALING STRATEGY set on a managed cluster; nil: none did.
	Burst *BurstMemory `json:"burst,omitempty"`
}

// BurstMemory is an AUTO SCALING STRATEGY that the engine set.
type BurstMemory struct {
	Size     string `json:"size"`
	Strategy string `json:"strategy"`
}

// BurstBy is the strategy that had the engine set the HYDRATION SIZE that a cluster has; empty: none did.
func (m ClusterMemory) BurstBy(size string) string {
	if m.Burst == nil || m.Burst.Size != size || size == "" {
		return ""
	}
	return m.Burst.Strategy
}

// memoryOf is what is stored about an observed cluster, less replicas that do
// not exist any more.
func memoryOf(c *engine.ClusterState) ClusterMemory {
	m := ClusterMemory{Strategies: map[string]json.RawMessage{}, Replicas: map[string]string{}}
	if c.BurstBy != "" {
		m.Burst = &BurstMemory{c.Shape.Burst, c.BurstBy}
	}
	maps.Copy(m.Strategies, c.State)
	for _, r := range c.Replicas {
		if strategy, ok := c.CreatedBy[r.Name]; ok {
			m.Replicas[r.ID] = strategy
		}
	}
	return m
}

// took notes an executed action: the payloads of the strategies that asked for
// it, and whose the replica is. A replica that was dropped shows in no observation any more.
func (m *ClusterMemory) took(r ActionRecord, replicaID string) {
	c := r.Context
	maps.Copy(m.Strategies, c.State)
	if a := r.alteration(); a != nil {
		if by, ok := a.Burster(); ok {
			m.Burst = nil
			if by != "" {
				m.Burst = &BurstMemory{a.To.Burst, by}
			}
		}
	}
	if c.Op == string(engine.OpCreate) && replicaID != "" && len(c.Strategies) > 0 {
		m.Replicas[replicaID] = c.Strategies[0]
	}
}

// differs tells whether a plan's payloads say something that is not stored yet.
func (m ClusterMemory) differs(planned map[string]json.RawMessage) bool {
	for strategy, payload := range planned {
		if !bytes.Equal(canonicalJSON(payload), canonicalJSON(m.Strategies[strategy])) {
			return true
		}
	}
	return false
}

// remember stores what a strategy wants to keep although nothing was done.
func (r *Reconciler) remember(ctx context.Context, o *Outcome) error {
	wanted := slices.ContainsFunc(o.Plan.Decisions, func(d engine.Decision) bool { return d.Remember != nil })
	memory := memoryOf(&o.Before)
	if !wanted || !memory.differs(o.Plan.State) {
		return nil
	}
	memory.Strategies = o.Plan.State
	return r.saveState(ctx, o.Plan.ID, memory)
}

// canonicalJSON brings equal values to equal bytes; what is not JSON stays as
// it is.
func canonicalJSON(raw json.RawMessage) []byte {
	var value any
	if json.Unmarshal(raw, &value) != nil {
		return raw
	}
	data, err := json.Marshal(value)
	if err != nil {
		return raw
	}
	return data
}
