package engine

import (
	"encoding/json"
	"slices"
	"strings"
)

// RestoreKey is the key of a payload under which it is kept what a strategy that suspends has taken, for waking: the replication factor of a managed
// cluster; of another one the replicas that no other strategy asks for, sizes by names.
const RestoreKey = "restore"

// Keeps tells whether a strategy has left something in its payload that a cluster is to be set back to.
func Keeps(state map[string]json.RawMessage) bool {
	for _, raw := range state {
		if p := readPayload(raw); p.Integer(RestoreKey) > 0 || len(p.Replicas(RestoreKey)) > 0 {
			return true
		}
	}
	return false
}

// Replicas returns the replicas that are kept under a key, sorted by name.
func (p Payload) Replicas(key string) []ReplicaSpec {
	v, _ := p.fields.get(key)
	sizes, _ := v.asTree().(map[string]any)
	var specs []ReplicaSpec
	for name, size := range sizes {
		if text, ok := size.(string); ok {
			specs = append(specs, ReplicaSpec{name, text})
		}
	}
	slices.SortFunc(specs, func(a, b ReplicaSpec) int { return strings.Compare(a.Name, b.Name) })
	return specs
}

// Suspending returns the payload of a strategy that takes all replicas, with those that have to come back when the cluster wakes. Those that
// another strategy had created are its own to create again.
func (c *ClusterState) Suspending(strategy string, stored json.RawMessage) json.RawMessage {
	p := readPayload(stored)
	restore := map[string]any{}
	for _, spec := range p.Replicas(RestoreKey) {
		restore[spec.Name] = spec.Size
	}
	for _, r := range c.Replicas {
		creator := c.CreatedBy[r.Name]
		if creator == strategy || !slices.ContainsFunc(c.Strategies, func(row StrategyRow) bool { return row.Type == creator }) {
			restore[r.Name] = r.Size
		}
	}
	if len(restore) == 0 {
		return stored
	}
	fields := p.fields.asTree()
	fields[RestoreKey] = restore
	return canonical(fields)
}

// Missing are those replicas of a list that are not in the set, unless another one of the same size is.
func (d *DesiredState) Missing(list []ReplicaSpec) []ReplicaSpec {
	var missing []ReplicaSpec
	for _, spec := range list {
		covered := slices.ContainsFunc(d.Specs(), func(other ReplicaSpec) bool {
			return other.Name == spec.Name || other.Size == spec.Size && !slices.ContainsFunc(list, func(s ReplicaSpec) bool { return s.Name == other.Name })
		})
		if !covered {
			missing = append(missing, spec)
		}
	}
	return missing
}

// endSuspension brings back what a strategy that is gone had taken.
func (c StrategyCoordinator) endSuspension(cluster *ClusterState, rows Rows, desired *DesiredState, resolver *ConflictResolver) []ended {
	var over []ended
	for _, info := range c.registry.types {
		if !info.Suspends || rows.Of(info.Name) != nil || len(cluster.Replicas) > 0 {
			continue
		}
		var step Step
		for _, spec := range desired.Missing(readPayload(cluster.State[info.Name]).Replicas(RestoreKey)) {
			step.Add = append(step.Add, Addition{spec, "the strategy is gone"})
		}
		if len(step.Add) > 0 {
			resolver.Take(desired, info.Name, step)
			over = append(over, ended{info.Name, map[string]any{RestoreKey: nil}})
		}
	}
	return over
}
