package mirror

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"mzproxy/engine"
)

// Cluster is what is known of a cluster at one timestamp. It does not change; pictures share it.
type Cluster struct {
	// ClusterState is what a decision sees, as far as it follows from the rows: without what depends on the time that passes, and on
	// what is read elsewhere. Replicas are in the order of Statuses, by name.
	engine.ClusterState
	Statuses   []Status
	OwnerID    string
	Subscribed bool // a SUBSCRIBE runs on it
	Memory     Memory
	Actions    []Action // of which the rows are watched
}

// Status is what the processes of a replica say.
type Status struct {
	Processes, Online int64
	Since             *time.Time // since when they have been as they are
	// Born is when the replica came; zero: it was there when the watch began.
	Born Timestamp
}

// Action is a row of what was done, or tried, or is about to be.
type Action struct {
	ID, SQL, Error, Code string
	Executed             *bool // nil: the outcome is open
	At                   *time.Time
}

// cluster makes what is known of a cluster.
func (m *Mirror) cluster(id string) *Cluster {
	c := &Cluster{}
	c.ID = id
	m.each(tagCluster, id, func(f fields) {
		c.Name, c.Managed, c.OwnerID, c.Shape = f.text(1), f.truth(2), f.text(3), shapeOf(f)
	})
	m.readReplicas(c)
	m.readObjects(c)
	m.readNative(c)
	c.Subscribed = m.has(tagSubscription, id)
	m.readStrategies(c)
	m.readMemory(c)
	m.each(tagAction, id, func(f fields) {
		a := Action{ID: f.text(0), SQL: f.text(2), Error: f.text(3), Code: f.text(4), At: MomentOr(f[6], nil)}
		if f[5] != nil {
			executed := f.truth(5)
			a.Executed = &executed
		}
		c.Actions = append(c.Actions, a)
	})
	return c
}

func (m *Mirror) readReplicas(c *Cluster) {
	type replica struct {
		engine.Replica
		Status
	}
	var list []replica
	m.each(tagReplica, c.ID, func(f fields) {
		r := replica{Replica: engine.Replica{ID: f.text(0), Name: f.text(2), Size: f.text(3)}}
		r.Born = m.born[r.ID]
		m.each(tagStatus, r.ID, func(f fields) {
			r.Processes++
			if f.text(2) == "online" {
				r.Status.Online++
			}
			if at := MomentOr(f[3], nil); at != nil && (r.Since == nil || at.After(*r.Since)) {
				r.Since = at
			}
		})
		list = append(list, r)
	})
	slices.SortFunc(list, func(a, b replica) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
	for _, r := range list {
		c.Replicas, c.Statuses = append(c.Replicas, r.Replica), append(c.Statuses, r.Status)
	}
}

func (m *Mirror) readStrategies(c *Cluster) {
	m.each(tagStrategy, c.ID, func(f fields) { c.Strategies = append(c.Strategies, StrategyRow(f[0], f[1], f[2], f[3])) })
	SortRows(c.Strategies)
}

// SortRows brings rows into an order: the table has none, and a plan needs one.
func SortRows(rows []engine.StrategyRow) {
	slices.SortFunc(rows, func(a, b engine.StrategyRow) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), bytes.Compare(a.Config, b.Config))
	})
}

// StrategyRow reads a row that anybody may have written. What cannot be read is its fault, and nobody else's.
func StrategyRow(id, kind, config, updated *string) engine.StrategyRow {
	row := engine.StrategyRow{Type: orEmpty(kind), Config: json.RawMessage(orEmpty(config))}
	for _, column := range []struct {
		name  string
		value *string
	}{{"cluster_id", id}, {"strategy_type", kind}, {"config", config}} {
		if column.value == nil {
			row.Fault = column.name + " is null"
			return row
		}
	}
	if updated == nil {
		return row
	}
	t, err := ParseMoment(*updated)
	if err != nil {
		row.Fault = "updated_at is " + err.Error()
		return row
	}
	row.UpdatedAt = &t
	return row
}
