package materialize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/engine"
)

// readActivity finds out when each cluster was last used: by statements that
// finished, statements that run, and SUBSCRIBEs that live. Where the history is
// off, sampled or out of reach, a cluster that shows no other sign of life is
// of unknown activity.
func (o *observation) readActivity(ctx context.Context, loggingOff string) error {
	seen := map[string]bool{}
	unknown := loggingOff
	if err := o.readSubscriptions(ctx, seen); err != nil {
		return err
	}
	err := o.readHistory(ctx, seen)
	var refused *pgconn.PgError
	switch {
	case errors.As(err, &refused) && (refused.Code == "42501" || refused.Code == "42P01"):
		unknown = "statement history cannot be read: " + refused.Message
	case err != nil:
		return err
	}
	for id, c := range o.clusters {
		if seen[id] { // in use right now
			now := o.snapshot.Now
			c.LastActivity = &now
			continue
		}
		c.ActivityUnknown = unknown
	}
	return nil
}

// readSubscriptions marks the clusters that serve a SUBSCRIBE.
func (o *observation) readSubscriptions(ctx context.Context, seen map[string]bool) error {
	return o.client.query(ctx, "read subscriptions",
		"SELECT cluster_id FROM mz_internal.mz_subscriptions WHERE "+o.filter("cluster_id")+" GROUP BY cluster_id",
		func(rows pgx.Rows) error {
			var id string
			err := rows.Scan(&id)
			seen[id] = true
			o.clusters[id].ActivitySource = "a SUBSCRIBE that is running"
			return err
		})
}

// readHistory reads the end of the last statement on each cluster, and marks
// the clusters on which one is still running. The controller's own statements do not count.
func (o *observation) readHistory(ctx context.Context, seen map[string]bool) error {
	return o.client.query(ctx, "read statement history", `
		SELECT cluster_id, max(finished_at), count(CASE WHEN finished_at IS NULL AND began_at > now() - INTERVAL '1 day' THEN 1 END)
		FROM mz_internal.mz_statement_execution_history_redacted
		WHERE `+o.filter("cluster_id")+` AND application_name <> `+engine.QuoteLiteral(ApplicationName)+`
			AND (finished_at IS NULL OR finished_at > now() - INTERVAL '`+fmt.Sprint(int64(o.history()/time.Second))+` seconds')
		GROUP BY cluster_id`,
		func(rows pgx.Rows) error {
			var id string
			var last *time.Time
			var running int64
			if err := rows.Scan(&id, &last, &running); err != nil {
				return err
			}
			c := o.clusters[id]
			if last != nil {
				c.LastActivity = at(last)
				c.ActivitySource = "statement history"
			}
			if running > 0 {
				seen[id] = true
				c.ActivitySource = "a statement that is running"
			}
			return nil
		})
}

// history is how far back the history has to be read: twice the longest idle time
// that a strategy asks about.
func (o *observation) history() time.Duration {
	longest := leastHistory
	for _, rows := range o.rows {
		for _, row := range rows {
			var config struct {
				IdleAfter float64 `json:"idle_after_s"`
			}
			if row.Type == "idle_suspend" && json.Unmarshal(row.Config, &config) == nil && config.IdleAfter < 1e8 {
				longest = max(longest, 2*time.Duration(config.IdleAfter*float64(time.Second)))
			}
		}
	}
	return longest
}
