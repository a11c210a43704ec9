package materialize

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

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
	defer c.world.owe(clusterID)
	payload, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	n, err := c.exec(ctx, "update state", "UPDATE "+c.table(stateTable)+" SET payload = $2::jsonb, updated_at = "+timestamp(c.serverTime(ctx))+" WHERE cluster_id = $1 AND "+ourState,
		clusterID, string(payload))
	if err != nil || n > 0 {
		return err
	}
	_, err = c.exec(ctx, "insert state", "INSERT INTO "+c.table(stateTable)+" (cluster_id, state_version, payload, updated_at) VALUES ($1, "+
		strconv.Itoa(stateVersion)+", $2::jsonb, "+timestamp(c.serverTime(ctx))+")", clusterID, string(payload))
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
		defer c.world.oweAll()
		return c.exec(ctx, "reset state", reset)
	}
	defer c.world.owe(clusterIDs...)
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
