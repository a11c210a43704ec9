package materialize

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// Catalog reads what a write of a strategy is checked against.
func (c *Client) Catalog(ctx context.Context) (engine.Catalog, error) {
	f, err := c.loadFacts(ctx)
	if err != nil {
		return engine.Catalog{}, err
	}
	catalog := engine.Catalog{Sizes: f.sizes, MaxReplicasPerCluster: f.limits.MaxReplicasPerCluster}
	if catalog.Controller, err = c.self.get(func() (engine.Role, error) { return c.controller(ctx) }); err != nil {
		return catalog, err
	}
	err = c.query(ctx, "read clusters", `
		SELECT c.id, c.name, coalesce(c.managed, false), coalesce(c.owner_id, ''), coalesce(o.name, ''), now(),
			(SELECT count(*) FROM mz_catalog.mz_cluster_replicas r WHERE r.cluster_id = c.id)
		FROM mz_catalog.mz_clusters c LEFT JOIN mz_catalog.mz_roles o ON o.id = c.owner_id ORDER BY c.id`,
		func(rows pgx.Rows) error {
			var i engine.ClusterInfo
			var now time.Time
			if err := rows.Scan(&i.ID, &i.Name, &i.Managed, &i.OwnerID, &i.Owner, &now, &i.Replicas); err != nil {
				return err
			}
			i.Control = i.Name == c.cfg.ControlCluster
			catalog.At = now.UTC()
			catalog.Clusters = append(catalog.Clusters, i)
			return nil
		})
	return catalog, err
}
