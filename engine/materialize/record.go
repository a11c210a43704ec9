package materialize

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
)

// ours selects the audit rows that we wrote: those of another tool have a
// decision_ctx of another shape.
const ours = "decision_ctx->>'op' IS NOT NULL AND decision_ctx->>'trigger' IS NOT NULL"

const actionColumns = "action_id, cluster_id, action_sql, decision_ctx, executed, error_message, created_at"

// Begin writes the intention to run an action.
func (c *Client) Begin(ctx context.Context, r reconcile.ActionRecord) error {
	r.Executed, r.Error = nil, ""
	return c.insertAction(ctx, r)
}

func (c *Client) insertAction(ctx context.Context, r reconcile.ActionRecord) error {
	decision, err := json.Marshal(r.Context)
	if err != nil {
		return fmt.Errorf("encode decision_ctx: %w", err)
	}
	_, err = c.exec(ctx, "insert action", "INSERT INTO "+c.table(actionsTable)+" ("+actionColumns+") VALUES ($1, $2, $3, $4::jsonb, $5, $6, now())",
		r.ActionID, r.ClusterID, r.SQL, string(decision), r.Executed, orNull(r.Error))
	return err
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Finish completes an intention. What was executed stays executed, whoever
// thinks otherwise. A row that is gone is written anew.
func (c *Client) Finish(ctx context.Context, r reconcile.ActionRecord) error {
	where := " WHERE action_id = " + engine.QuoteLiteral(r.ActionID)
	update := "UPDATE " + c.table(actionsTable) + " SET executed = $1, error_message = $2" + where
	if !*r.Executed {
		update += " AND (executed IS NULL OR NOT executed)"
	}
	n, err := c.exec(ctx, "complete action", update, *r.Executed, orNull(r.Error))
	if err != nil || n > 0 {
		return err
	}
	there := false
	err = c.query(ctx, "complete action", "SELECT action_id FROM "+c.table(actionsTable)+where, func(pgx.Rows) error {
		there = true
		return nil
	})
	if err != nil || there {
		return err
	}
	return c.insertAction(ctx, r)
}

// Forget drops an intention that came to nothing.
func (c *Client) Forget(ctx context.Context, actionID string) error {
	_, err := c.exec(ctx, "drop action", "DELETE FROM "+c.table(actionsTable)+" WHERE action_id = $1 AND executed IS NULL", actionID)
	return err
}

// Unfinished returns the intentions that nobody completed.
func (c *Client) Unfinished(ctx context.Context) ([]reconcile.ActionRecord, error) {
	return c.actions(ctx, "executed IS NULL AND "+ours, 10_000)
}

// Actions returns the newest actions first.
func (c *Client) Actions(ctx context.Context, f reconcile.ActionFilter) ([]reconcile.ActionRecord, error) {
	where := "true"
	if f.ClusterID != "" {
		where = "cluster_id = " + engine.QuoteLiteral(f.ClusterID)
	}
	if f.Limit <= 0 {
		f.Limit = 20
	}
	return c.actions(ctx, where, f.Limit)
}

func (c *Client) actions(ctx context.Context, where string, limit int) ([]reconcile.ActionRecord, error) {
	var records []reconcile.ActionRecord
	err := c.query(ctx, "read actions", "SELECT action_id, coalesce(cluster_id, ''), coalesce(action_sql, ''), coalesce(decision_ctx::text, '{}'), executed, coalesce(error_message, ''), created_at FROM "+
		c.table(actionsTable)+" WHERE "+where+" ORDER BY created_at DESC, action_id LIMIT "+strconv.Itoa(limit),
		func(rows pgx.Rows) error {
			var r reconcile.ActionRecord
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

// readRecentActions counts the actions of the last five minutes, whoever took
// them.
func (o *observation) readRecentActions(ctx context.Context) error {
	o.recent = map[string]int64{}
	return o.client.query(ctx, "read recent actions", `
		SELECT cluster_id, count(*) FROM `+o.client.table(actionsTable)+`
		WHERE created_at > now() - INTERVAL '5 minutes' AND `+o.filter("cluster_id")+` GROUP BY cluster_id`,
		func(rows pgx.Rows) error {
			var id string
			var n int64
			err := rows.Scan(&id, &n)
			o.recent[id] = n
			return err
		})
}
