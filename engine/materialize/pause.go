package materialize

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// SetPause pauses clusters: a row of type pause each, in place of an older one, which goes after the new one has come.
func (c *Client) SetPause(ctx context.Context, clusterIDs []string, p engine.Pause) error {
	if len(clusterIDs) == 0 {
		return nil
	}
	config := map[string]string{}
	if p.Until != nil {
		config["until"] = p.Until.String()
	}
	if p.Reason != "" {
		config["reason"] = p.Reason
	}
	if p.By != "" {
		config["by"] = p.By
	}
	data, err := json.Marshal(config)
	if err != nil {
		return wrapped("encode pause", err)
	}
	defer c.world.owe(clusterIDs...)
	now, err := c.serverNow(ctx)
	if err != nil {
		return err
	}
	moment := timestamp(time.UnixMilli(int64(now)))
	var rows []string
	for _, id := range clusterIDs {
		rows = append(rows, "("+pgtext.QuoteLiteral(id)+", "+pgtext.QuoteLiteral(engine.PauseType)+", "+pgtext.QuoteLiteral(string(data))+"::jsonb, "+moment+")")
	}
	table := c.table(strategiesTable)
	if _, err := c.exec(ctx, "insert pause", "INSERT INTO "+table+" (cluster_id, strategy_type, config, updated_at) VALUES "+strings.Join(rows, ", ")); err != nil {
		return err
	}
	_, err = c.exec(ctx, "delete older pauses", "DELETE FROM "+table+" WHERE strategy_type = $1 AND cluster_id IN "+in(clusterIDs)+
		" AND (updated_at < "+moment+" OR updated_at IS NULL)", engine.PauseType)
	return err
}

// ClearPause ends the pauses of clusters and returns how many rows it dropped.
func (c *Client) ClearPause(ctx context.Context, clusterIDs []string) (int64, error) {
	if len(clusterIDs) == 0 {
		return 0, nil
	}
	defer c.world.owe(clusterIDs...)
	return c.exec(ctx, "delete pause", "DELETE FROM "+c.table(strategiesTable)+
		" WHERE strategy_type = $1 AND cluster_id IN "+in(clusterIDs), engine.PauseType)
}
