package materialize

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"mzproxy/rewrite/pgtext"
)

// Prune drops audit rows that are too old or too many, state rows that are not the newest of
// their cluster, and those of clusters that are gone. The rows of another tool are left alone.
func (c *Client) Prune(ctx context.Context) error {
	keep := c.tuned()
	if _, err := c.exec(ctx, "prune actions", "DELETE FROM "+c.table(actionsTable)+
		" WHERE created_at < now() - INTERVAL '"+seconds(keep.KeepActionsFor)+"' AND "+ours); err != nil {
		return err
	}
	if _, err := c.exec(ctx, "prune changes", "DELETE FROM "+c.table(changesTable)+" WHERE created_at < now() - INTERVAL '"+seconds(keep.KeepActionsFor)+"'"); err != nil {
		return err
	}
	if err := c.pruneMany(ctx, strconv.FormatInt(keep.KeepActions, 10)); err != nil {
		return err
	}
	return c.pruneState(ctx)
}

// pruneMany keeps the newest rows of clusters that have too many.
func (c *Client) pruneMany(ctx context.Context, keep string) error {
	var crowded []string
	err := c.query(ctx, "count actions", "SELECT cluster_id FROM "+c.table(actionsTable)+" WHERE cluster_id IS NOT NULL AND "+ours+" GROUP BY cluster_id HAVING count(*) > "+keep,
		func(rows pgx.Rows) error {
			var id string
			err := rows.Scan(&id)
			crowded = append(crowded, id)
			return err
		})
	if err != nil {
		return err
	}
	for _, id := range crowded {
		of := " WHERE " + ours + " AND cluster_id = " + pgtext.QuoteLiteral(id)
		var newest *string // of those that go
		err := c.pool.QueryRow(ctx, "SELECT created_at::text FROM "+c.table(actionsTable)+of+" ORDER BY created_at DESC LIMIT 1 OFFSET "+keep).Scan(&newest)
		if err != nil || newest == nil {
			return wrapped("find old actions", err)
		}
		if _, err := c.exec(ctx, "prune actions", "DELETE FROM "+c.table(actionsTable)+of+" AND created_at <= $1::timestamptz", *newest); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) pruneState(ctx context.Context) error {
	clusters := map[string]bool{}
	err := c.query(ctx, "read clusters", "SELECT id FROM mz_catalog.mz_clusters", func(rows pgx.Rows) error {
		var id string
		err := rows.Scan(&id)
		clusters[id] = true
		return err
	})
	if err != nil {
		return err
	}
	old := map[string]string{} // the newest row of a cluster with several
	var gone []string
	err = c.query(ctx, "read state", "SELECT cluster_id, count(*), max(updated_at)::text FROM "+c.table(stateTable)+" WHERE "+ourState+" GROUP BY cluster_id",
		func(rows pgx.Rows) error {
			var id string
			var n int64
			var newest *string
			if err := rows.Scan(&id, &n, &newest); err != nil {
				return err
			}
			switch {
			case !clusters[id]:
				gone = append(gone, id)
			case n > 1 && newest != nil:
				old[id] = *newest
			}
			return nil
		})
	if err != nil {
		return err
	}
	for id, newest := range old {
		if _, err := c.exec(ctx, "prune state", "DELETE FROM "+c.table(stateTable)+" WHERE "+ourState+
			" AND cluster_id = $1 AND (updated_at < $2::timestamptz OR updated_at IS NULL)", id, newest); err != nil {
			return err
		}
	}
	if len(gone) == 0 {
		return nil
	}
	_, err = c.exec(ctx, "prune state", "DELETE FROM "+c.table(stateTable)+" WHERE "+ourState+" AND cluster_id IN "+in(gone))
	return err
}
