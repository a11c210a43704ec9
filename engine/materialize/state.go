package materialize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
)

// stateVersion is the version of the state rows that we write; older ones are
// another tool's, and are left alone.
const stateVersion = 2

// ourState selects our rows.
var ourState = "state_version = " + strconv.Itoa(stateVersion)

// SaveState stores a cluster's state: in the row that is there, so that there
// is one at any time, or in a new one.
func (c *Client) SaveState(ctx context.Context, clusterID string, m reconcile.ClusterMemory) error {
	payload, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	n, err := c.exec(ctx, "update state", "UPDATE "+c.table(stateTable)+" SET payload = $2::jsonb, updated_at = now() WHERE cluster_id = $1 AND "+ourState,
		clusterID, string(payload))
	if err != nil || n > 0 {
		return err
	}
	_, err = c.exec(ctx, "insert state", "INSERT INTO "+c.table(stateTable)+" (cluster_id, state_version, payload, updated_at) VALUES ($1, "+
		strconv.Itoa(stateVersion)+", $2::jsonb, now())", clusterID, string(payload))
	return err
}

// ResetState forgets what strategies have stored about clusters, or about all, and returns how
// many rows changed. Whose the replicas are stays known: each row changes in one statement, so that it stays so beside a look that stores it.
func (c *Client) ResetState(ctx context.Context, clusterIDs ...string) (int64, error) {
	// What is no object cannot be read, so there is nothing in it to keep.
	const empty = `'{"strategies": {}}'::jsonb`
	reset := "UPDATE " + c.table(stateTable) + " SET payload = CASE WHEN jsonb_typeof(payload) = 'object' THEN payload || " + empty + " ELSE " + empty + " END" +
		" WHERE " + ourState + " AND coalesce(payload->'strategies', 'null'::jsonb) <> '{}'::jsonb"
	if len(clusterIDs) == 0 {
		return c.exec(ctx, "reset state", reset)
	}
	var n int64
	for ids := range slices.Chunk(clusterIDs, longList) {
		changed, err := c.exec(ctx, "reset state", reset+" AND cluster_id IN "+in(ids))
		if err != nil {
			return n, err
		}
		n += changed
	}
	return n, nil
}

func (o *observation) readState(ctx context.Context) error {
	newest := o.noState()
	return o.client.query(ctx, "read state", "SELECT cluster_id, payload::text, updated_at::text FROM "+o.client.table(stateTable)+
		" WHERE "+ourState+" AND "+o.filter("cluster_id"),
		func(rows pgx.Rows) error {
			var id, payload, updated *string
			if err := rows.Scan(&id, &payload, &updated); err != nil {
				return err
			}
			o.addState(newest, orEmpty(id), orEmpty(payload), updated)
			return nil
		})
}

// noState begins with nothing known.
func (o *observation) noState() (newest map[string]time.Time) {
	o.memories, o.faults = map[string]memory{}, map[string]string{}
	return map[string]time.Time{}
}

// addState takes in a row that is newer than those before it.
func (o *observation) addState(newest map[string]time.Time, id, payload string, updated *string) {
	at := momentOr(updated, nil)
	if at == nil {
		at = new(time.Time)
	}
	if before, ok := newest[id]; ok && at.Before(before) {
		return
	}
	newest[id] = *at
	m, fault := readMemory(payload)
	delete(o.faults, id)
	if o.memories[id] = m; fault != nil {
		o.faults[id] = fault.Error()
	}
}

// memory is what is stored about a cluster.
type memory struct {
	reconcile.ClusterMemory
	created map[string]string // what an earlier version has stored in the place of Replicas, by the names of replicas
}

// createdBy tells whose the replicas of a cluster are, by the names that they have now.
func (m memory) createdBy(replicas []engine.Replica) map[string]string {
	by := map[string]string{}
	for _, r := range replicas {
		strategy, ok := m.Replicas[r.ID]
		if !ok && m.Replicas == nil {
			strategy, ok = m.created[r.Name]
		}
		if ok {
			by[r.Name] = strategy
		}
	}
	return by
}

// readMemory reads a payload of ours as far as it can be read.
func readMemory(payload string) (m memory, fault error) {
	var parts struct{ Strategies, Replicas, Created json.RawMessage }
	if err := json.Unmarshal([]byte(payload), &parts); err != nil {
		return m, err
	}
	var faults []error
	for _, part := range []struct {
		raw  json.RawMessage
		into any
	}{{parts.Strategies, &m.Strategies}, {parts.Replicas, &m.Replicas}, {parts.Created, &m.created}} {
		if part.raw != nil {
			faults = append(faults, json.Unmarshal(part.raw, part.into))
		}
	}
	return m, errors.Join(faults...)
}
