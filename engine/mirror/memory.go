package mirror

import (
	"encoding/json"
	"errors"
	"time"

	"mzproxy/engine"
)

// Memory is what is stored about a cluster between looks.
type Memory struct {
	// Strategies are the payloads of the strategies, by their types.
	Strategies map[string]json.RawMessage
	// Replicas tells which strategy asked for a replica that the engine created, by the replica's id.
	Replicas map[string]string
	// Burst is the AUTO SCALING STRATEGY that the engine had set; nil: it had set none.
	Burst *Burst
	// Created is what an earlier version has stored in the place of Replicas, by the names of replicas.
	Created map[string]string
}

// Burst is an AUTO SCALING STRATEGY, and which strategy had it set.
type Burst struct{ Size, Strategy string }

// CreatedBy tells whose the replicas of a cluster are, by the names that they have now.
func (m Memory) CreatedBy(replicas []engine.Replica) map[string]string {
	by := map[string]string{}
	for _, r := range replicas {
		strategy, ok := m.Replicas[r.ID]
		if !ok && m.Replicas == nil {
			strategy, ok = m.Created[r.Name]
		}
		if ok {
			by[r.Name] = strategy
		}
	}
	return by
}

// readMemory reads the newest row of a cluster's state.
func (m *Mirror) readMemory(c *Cluster) {
	var newest time.Time
	found := false
	m.each(tagState, c.ID, func(f fields) {
		at := MomentOr(f[2], nil)
		if at == nil {
			at = new(time.Time)
		}
		if found && at.Before(newest) {
			return
		}
		found, newest = true, *at
		memory, fault := ParseMemory(f.text(1))
		if c.Memory, c.StateFault = memory, ""; fault != nil {
			c.StateFault = fault.Error()
		}
	})
	if c.State = c.Memory.Strategies; c.State == nil {
		c.State = map[string]json.RawMessage{}
	}
	c.ClusterState.CreatedBy = c.Memory.CreatedBy(c.Replicas)
	if b := c.Memory.Burst; b != nil && c.Shape != nil && c.Shape.Burst == b.Size {
		c.BurstBy = b.Strategy
	}
	c.Recorded, c.Counted = true, true
}

// ParseMemory reads a payload of ours as far as it can be read.
func ParseMemory(payload string) (m Memory, fault error) {
	var parts struct{ Strategies, Replicas, Created, Burst json.RawMessage }
	if err := json.Unmarshal([]byte(payload), &parts); err != nil {
		return m, err
	}
	var faults []error
	for _, part := range []struct {
		raw  json.RawMessage
		into any
	}{{parts.Strategies, &m.Strategies}, {parts.Replicas, &m.Replicas}, {parts.Created, &m.Created}, {parts.Burst, &m.Burst}} {
		if part.raw != nil {
			faults = append(faults, json.Unmarshal(part.raw, part.into))
		}
	}
	return m, errors.Join(faults...)
}
