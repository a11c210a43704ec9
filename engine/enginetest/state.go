package enginetest

import (
	"encoding/json"
	"fmt"
	"time"

	"mzproxy/engine"
)

// Now is the moment of the snapshots that are made here.
var Now = engine.At(time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC))

// Ago is a moment some time before Now.
func Ago(d time.Duration) *engine.Timestamp {
	t := engine.At(Now.Time.Add(-d))
	return &t
}

// Sizes are the sizes of the snapshots that are made here: one ladder of each family.
var Sizes = []engine.Size{
	{Name: "25cc", Processes: 1, Workers: 1, CreditsPerHour: 0.25},
	{Name: "50cc", Processes: 1, Workers: 1, CreditsPerHour: 0.5},
	{Name: "100cc", Processes: 1, Workers: 2, CreditsPerHour: 1},
	{Name: "400cc", Processes: 2, Workers: 4, CreditsPerHour: 4},
	{Name: "M.1-small", Processes: 1, Workers: 2, CreditsPerHour: 1},
	{Name: "M.1-large", Processes: 1, Workers: 8, CreditsPerHour: 8},
	{Name: "small", Processes: 1, Workers: 1, CreditsPerHour: 0.25},
	{Name: "xlarge", Processes: 4, Workers: 8, CreditsPerHour: 16},
}

// Snapshot is a moment of some clusters. Experimental strategies run in it.
func Snapshot(clusters ...engine.ClusterState) engine.Snapshot {
	return engine.Snapshot{Now: Now, EnableExperimental: true, Sizes: Sizes, Clusters: clusters}
}

// Part is something about a cluster.
type Part func(*engine.ClusterState)

// Cluster is a user's cluster with the id "u_" and its name, 12 objects, and no activity ever seen.
func Cluster(name string, parts ...Part) engine.ClusterState {
	objects := int64(12)
	c := engine.ClusterState{ID: "u_" + name, Name: name, Objects: &objects, State: map[string]json.RawMessage{}}
	for _, part := range parts {
		part(&c)
	}
	return c
}

// Ready adds a replica that is online and hydrated.
func Ready(name, size string) Part { return replica(name, size, true) }

// Hydrating adds a replica that is online and not hydrated.
func Hydrating(name, size string) Part { return replica(name, size, false) }

func replica(name, size string, hydrated bool) Part {
	return With(engine.Replica{Name: name, Size: size, Online: true, Hydrated: &hydrated})
}

// Managed makes the cluster a managed one, with ready replicas of its size.
func Managed(size string, factor int64) Part {
	return func(c *engine.ClusterState) {
		c.Managed, c.Shape = true, &engine.Shape{Size: size, Factor: factor}
		for i := range factor {
			Ready(fmt.Sprint("r", i+1), size)(c)
		}
	}
}

// Reconfiguring says that a managed cluster is changed to another size since some time.
func Reconfiguring(size string, factor int64, since time.Duration) Part {
	return func(c *engine.ClusterState) {
		c.Reconfiguring = &engine.Reconfiguration{Size: size, Factor: factor, Since: Ago(since)}
	}
}

// Source adds a source that runs on one replica alone: on which, empty is none.
func Source(name, replica string) Part {
	return func(c *engine.ClusterState) {
		c.Pinned = append(c.Pinned, engine.PinnedSource{Name: name, Replica: replica})
	}
}

// Awaiting adds a replica that is online and only waits for a source of its own.
func Awaiting(name, size, source string) Part {
	return func(c *engine.ClusterState) {
		Hydrating(name, size)(c)
		c.Replicas[len(c.Replicas)-1].AwaitsSources = []string{source}
		Source(source, name)(c)
	}
}

// With adds a replica.
func With(r engine.Replica) Part {
	return func(c *engine.ClusterState) { c.Replicas = append(c.Replicas, r) }
}

// Crashing changes the replica that was added last: it has crashed so often in the last hour, some times for
// lack of memory.
func Crashing(crashes, ooms int64) Part {
	return func(c *engine.ClusterState) {
		r := &c.Replicas[len(c.Replicas)-1]
		r.CrashCount, r.OOMCount = crashes, ooms
	}
}

// Created changes the replica that was added last: a strategy had it created some time ago.
func Created(strategy string, ago time.Duration) Part {
	return func(c *engine.ClusterState) {
		r := &c.Replicas[len(c.Replicas)-1]
		r.CreatedAt = Ago(ago)
		if c.CreatedBy == nil {
			c.CreatedBy = map[string]string{}
		}
		c.CreatedBy[r.Name] = strategy
	}
}

// Strategy adds a row that was set an hour ago.
func Strategy(kind, config string) Part {
	return func(c *engine.ClusterState) {
		c.Strategies = append(c.Strategies, engine.StrategyRow{Type: kind, Config: json.RawMessage(config), UpdatedAt: Ago(time.Hour)})
	}
}

// Active sets when the cluster was used last.
func Active(ago time.Duration) Part {
	return func(c *engine.ClusterState) { c.LastActivity = Ago(ago) }
}

// Objects sets how many objects have to hydrate.
func Objects(n int64) Part { return func(c *engine.ClusterState) { c.Objects = &n } }

// State sets the payload of a strategy.
func State(kind, payload string) Part {
	return func(c *engine.ClusterState) { c.State[kind] = json.RawMessage(payload) }
}

// Decided sets when a strategy last acted.
func Decided(kind string, ago time.Duration) Part {
	return State(kind, `{"last_decision_ts": "`+Ago(ago).String()+`"}`)
}
