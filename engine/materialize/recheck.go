package materialize

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/engine/mirror"
)

// Recheck asks the server, right before an action, what the only cluster of a snapshot is called and what kind it is by now. An action that takes
// something away rests on everything: then the rest is shown as of no earlier moment, the use of the cluster included.
func (c *Client) Recheck(ctx context.Context, seen engine.Snapshot, whole bool) (engine.Snapshot, error) {
	now := seen.Clusters[0]
	var at mirror.Timestamp
	err := c.query(ctx, "read cluster", "SELECT name, coalesce(managed, false), mz_now()::text FROM mz_catalog.mz_clusters WHERE id = $1", func(rows pgx.Rows) error {
		var moment string
		err := rows.Scan(&now.Name, &now.Managed, &moment)
		if err == nil {
			at, err = parseNow(moment)
		}
		return err
	}, now.ID)
	switch {
	case err != nil:
		return engine.Snapshot{}, err
	case at == 0:
		seen.Clusters = nil
		return seen, nil
	case whole, time.UnixMilli(int64(at)).Sub(seen.At.Time) > stillFor: // nothing is done by a picture that is older
		return c.observeFrom(ctx, at, now.ID)
	}
	seen.Clusters = []engine.ClusterState{now}
	return seen, nil
}

// observeFrom is Observe of a moment that is not before a timestamp; nor is the statement history.
func (c *Client) observeFrom(ctx context.Context, from mirror.Timestamp, id string) (engine.Snapshot, error) {
	v, err := c.world.seeFrom(ctx, from, id)
	if err != nil {
		return engine.Snapshot{}, err
	}
	o := c.observation(v, []string{id})
	o.since = time.UnixMilli(int64(from))
	if err := o.readHistory(ctx, act); err != nil {
		return engine.Snapshot{}, err
	}
	return o.snapshot(), nil
}

// Effect asks the server, right after a statement, which replicas the only cluster of a snapshot has. The rest is as it was seen.
func (c *Client) Effect(ctx context.Context, seen engine.Snapshot) (engine.Snapshot, error) {
	now := seen.Clusters[0]
	before := now
	now.Replicas = nil
	err := c.query(ctx, "read replicas", "SELECT id, name, coalesce(size, '') FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = $1", func(rows pgx.Rows) error {
		var r engine.Replica
		err := rows.Scan(&r.ID, &r.Name, &r.Size)
		if old := before.Replica(r.Name); old != nil && old.ID == r.ID {
			r = *old
		}
		now.Replicas = append(now.Replicas, r)
		return err
	}, now.ID)
	seen.Clusters = []engine.ClusterState{now}
	return seen, err
}
