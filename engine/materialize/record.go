package materialize

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// stateVersion is the version of the state rows that we write; older ones are
// another tool's.
const stateVersion = 2

// Begin writes the intention to run an action.
func (c *Client) Begin(ctx context.Context, r engine.ActionRecord) error {
	decision, err := json.Marshal(r.Context)
	if err != nil {
		return fmt.Errorf("encode decision_ctx: %w", err)
	}
	_, err = c.exec(ctx, "insert action", "INSERT INTO "+c.table("mz_cluster_strategy_actions")+
		" (action_id, cluster_id, action_sql, decision_ctx, executed, error_message, created_at) VALUES ($1, $2, $3, $4::jsonb, NULL, NULL, now())",
		r.ActionID, r.ClusterID, r.SQL, string(decision))
	return err
}

// Finish completes an intention.
func (c *Client) Finish(ctx context.Context, r engine.ActionRecord) error {
	var message *string
	if r.Error != "" {
		message = &r.Error
	}
	n, err := c.exec(ctx, "complete action", "UPDATE "+c.table("mz_cluster_strategy_actions")+
		" SET executed = $2, error_message = $3 WHERE action_id = $1", r.ActionID, *r.Executed, message)
	if err == nil && n == 0 {
		return fmt.Errorf("complete action: the row of action %s is gone", r.ActionID)
	}
	return err
}

// Forget drops an intention that came to nothing.
func (c *Client) Forget(ctx context.Context, actionID string) error {
	_, err := c.exec(ctx, "drop action", "DELETE FROM "+c.table("mz_cluster_strategy_actions")+" WHERE action_id = $1 AND executed IS NULL", actionID)
	return err
}

// Unfinished returns the intentions that nobody completed.
func (c *Client) Unfinished(ctx context.Context) ([]engine.ActionRecord, error) {
	return c.actions(ctx, "executed IS NULL AND decision_ctx->>'op' IS NOT NULL", 10_000)
}

// Actions returns the newest actions first.
func (c *Client) Actions(ctx context.Context, f engine.ActionFilter) ([]engine.ActionRecord, error) {
	where := "true"
	if f.ClusterID != "" {
		where = "cluster_id = " + engine.QuoteLiteral(f.ClusterID)
	}
	if f.Limit <= 0 {
		f.Limit = 20
	}
	return c.actions(ctx, where, f.Limit)
}

func (c *Client) actions(ctx context.Context, where string, limit int) ([]engine.ActionRecord, error) {
	var records []engine.ActionRecord
	err := c.query(ctx, "read actions", "SELECT action_id, coalesce(cluster_id, ''), coalesce(action_sql, ''), coalesce(decision_ctx::text, '{}'), executed, coalesce(error_message, ''), created_at FROM "+
		c.table("mz_cluster_strategy_actions")+" WHERE "+where+" ORDER BY created_at DESC, action_id LIMIT "+strconv.Itoa(limit),
		func(rows pgx.Rows) error {
			var r engine.ActionRecord
			var decision string
			var created *time.Time
			if err := rows.Scan(&r.ActionID, &r.ClusterID, &r.SQL, &decision, &r.Executed, &r.Error, &created); err != nil {
				return err
			}
			if created != nil {
				r.CreatedAt = created.UTC()
			}
			// Another tool's rows have another shape; what fits is read.
			_ = json.Unmarshal([]byte(decision), &r.Context)
			records = append(records, r)
			return nil
		})
	return records, err
}

// SaveState stores a cluster's state: the new row first, then the older ones
// go, so that there is always one.
func (c *Client) SaveState(ctx context.Context, clusterID string, m engine.ClusterMemory) error {
	payload, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode state: %w", err)
	}
	table := c.table("mz_cluster_strategy_state")
	if _, err := c.exec(ctx, "insert state", "INSERT INTO "+table+" (cluster_id, state_version, payload, updated_at) VALUES ($1, "+
		strconv.Itoa(stateVersion)+", $2::jsonb, now())", clusterID, string(payload)); err != nil {
		return err
	}
	_, err = c.exec(ctx, "prune state", "DELETE FROM "+table+" WHERE cluster_id = $1 AND state_version = "+strconv.Itoa(stateVersion)+
		" AND updated_at < (SELECT max(updated_at) FROM "+table+" WHERE cluster_id = $1 AND state_version = "+strconv.Itoa(stateVersion)+")", clusterID)
	return err
}

// ResetState forgets the state of clusters, or of all.
func (c *Client) ResetState(ctx context.Context, clusterIDs ...string) (int64, error) {
	where := ""
	if len(clusterIDs) > 0 {
		where = " WHERE cluster_id IN " + in(clusterIDs)
	}
	return c.exec(ctx, "reset state", "DELETE FROM "+c.table("mz_cluster_strategy_state")+where)
}

// Prune drops audit rows that are older than 30 days.
func (c *Client) Prune(ctx context.Context) error {
	_, err := c.exec(ctx, "prune actions", "DELETE FROM "+c.table("mz_cluster_strategy_actions")+" WHERE created_at < now() - INTERVAL '30 days'")
	return err
}

func (o *observation) readState(ctx context.Context) error {
	newest := map[string]time.Time{}
	return o.client.query(ctx, "read state", "SELECT cluster_id, payload::text, updated_at FROM "+o.client.table("mz_cluster_strategy_state")+
		" WHERE state_version = "+strconv.Itoa(stateVersion)+" AND "+o.filter("cluster_id"),
		func(rows pgx.Rows) error {
			var id, payload string
			var updated *time.Time
			if err := rows.Scan(&id, &payload, &updated); err != nil {
				return err
			}
			if updated == nil || updated.Before(newest[id]) {
				return nil
			}
			newest[id] = *updated
			var m engine.ClusterMemory
			if json.Unmarshal([]byte(payload), &m) != nil {
				return nil // not ours: no state
			}
			c := o.clusters[id]
			c.CreatedBy = m.Created
			if c.State = m.Strategies; c.State == nil {
				c.State = map[string]json.RawMessage{}
			}
			return nil
		})
}

func (o *observation) readRecentActions(ctx context.Context) error {
	return o.client.query(ctx, "read recent actions", `
		SELECT cluster_id, count(*) FROM `+o.client.table("mz_cluster_strategy_actions")+`
		WHERE created_at > now() - INTERVAL '5 minutes' AND `+o.filter("cluster_id")+` GROUP BY cluster_id`,
		func(rows pgx.Rows) error {
			var id string
			var n int64
			err := rows.Scan(&id, &n)
			o.clusters[id].RecentActions = n
			return err
		})
}
