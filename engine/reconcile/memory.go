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
	Strategies map[string]json.RawMessage `json:"strategies"`
	// Created tells which strategy asked for a replica that the engine
	// created.
	Created map[string]string `json:"created,omitempty"`
}

// memoryOf is what is stored about an observed cluster, less replicas that do
// not exist any more.
func memoryOf(c *engine.ClusterState) ClusterMemory {
	m := ClusterMemory{map[string]json.RawMessage{}, map[string]string{}}
	maps.Copy(m.Strategies, c.State)
	for name, strategy := range c.CreatedBy {
		if c.Replica(name) != nil {
			m.Created[name] = strategy
		}
	}
	return m
}

// took notes an executed action: the payloads of the strategies that asked for
// it, and whose the replica is.
func (m ClusterMemory) took(op engine.Op, replica string, strategies []string, payloads map[string]json.RawMessage) {
	maps.Copy(m.Strategies, payloads)
	switch {
	case op == engine.OpDrop:
		delete(m.Created, replica)
	case len(strategies) > 0:
		m.Created[replica] = strategies[0]
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
