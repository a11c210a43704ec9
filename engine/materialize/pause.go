package materialize

import (
	"context"
	"encoding/json"

	"mzproxy/engine"
)

// SetPause pauses clusters: a row of type pause each, in place of an older one.
func (c *Client) SetPause(ctx context.Context, clusterIDs []string, p engine.Pause) error {
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
	if _, err := c.ClearPause(ctx, clusterIDs); err != nil {
		return err
	}
	for _, id := range clusterIDs {
		if _, err := c.exec(ctx, "insert pause", "INSERT INTO "+c.table("mz_cluster_strategies")+
			" (cluster_id, strategy_type, config) VALUES ($1, $2, $3::jsonb)", id, engine.PauseType, string(data)); err != nil {
			return err
		}
	}
	return nil
}

// ClearPause ends the pauses of clusters and returns how many rows it dropped.
func (c *Client) ClearPause(ctx context.Context, clusterIDs []string) (int64, error) {
	if len(clusterIDs) == 0 {
		return 0, nil
	}
	return c.exec(ctx, "delete pause", "DELETE FROM "+c.table("mz_cluster_strategies")+
		" WHERE strategy_type = $1 AND cluster_id IN "+in(clusterIDs), engine.PauseType)
}
