package materialize

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine/mirror"
	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
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
	_, err = c.exec(ctx, "insert action", "INSERT INTO "+c.table(actionsTable)+" ("+actionColumns+") VALUES ($1, $2, $3, $4::jsonb, $5, $6, "+timestamp(c.serverTime(ctx))+")",
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
	defer c.world.owe(r.ClusterID)
	decision, err := json.Marshal(r.Context)
	if err != nil {
		return fmt.Errorf("encode decision_ctx: %w", err)
	}
	where := " WHERE action_id = " + pgtext.QuoteLiteral(r.ActionID)
	update := "UPDATE " + c.table(actionsTable) + " SET executed = $1, error_message = $2, decision_ctx = $3::jsonb" + where
	if !*r.Executed {
		update += " AND (executed IS NULL OR NOT executed)"
	}
	n, err := c.exec(ctx, "complete action", update, *r.Executed, orNull(r.Error), string(decision))
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
		where = "cluster_id = " + pgtext.QuoteLiteral(f.ClusterID)
	}
	if f.Limit <= 0 {
		f.Limit = 20
	}
	return c.actions(ctx, where, f.Limit)
}

func (c *Client) actions(ctx context.Context, where string, limit int) ([]reconcile.ActionRecord, error) {
	var records []reconcile.ActionRecord
	err := c.query(ctx, "read actions", "SELECT action_id, cluster_id, action_sql, decision_ctx::text, executed, error_message, created_at::text FROM "+
		c.table(actionsTable)+" WHERE "+where+" ORDER BY created_at DESC, action_id LIMIT "+strconv.Itoa(limit),
		func(rows pgx.Rows) error {
			var text [6]*string
			var executed *bool
			if err := rows.Scan(&text[0], &text[1], &text[2], &text[3], &executed, &text[4], &text[5]); err != nil {
				return err
			}
			records = append(records, actionRecord(text, executed))
			return nil
		})
	return records, err
}

// actionRecord reads a row as far as it is of our shape: anybody may have written it, and another tool writes its own. text are id, cluster, statement, decision, message and time.
func actionRecord(text [6]*string, executed *bool) reconcile.ActionRecord {
	r := reconcile.ActionRecord{ActionID: orEmpty(text[0]), ClusterID: orEmpty(text[1]), SQL: orEmpty(text[2]), Executed: executed, Error: orEmpty(text[4])}
	if created := mirror.MomentOr(text[5], nil); created != nil {
		r.CreatedAt = *created
	}
	_ = json.Unmarshal([]byte(orEmpty(text[3])), &r.Context)
	return r
}
