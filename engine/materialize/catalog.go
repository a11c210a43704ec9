package materialize

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// Catalog is what a write of a strategy is checked against, as a picture shows it: nothing is asked for it, unless clusters were changed that are not in the
// picture yet.
func (c *Client) Catalog(ctx context.Context) (engine.Catalog, error) {
	v, err := c.world.seeTouched(ctx)
	if err != nil {
		return engine.Catalog{}, err
	}
	return c.catalogOf(v), nil
}

// catalogOf is the catalog that a view shows.
func (c *Client) catalogOf(v *view) engine.Catalog {
	catalog := engine.Catalog{At: v.now, MaxReplicasPerCluster: v.limits.MaxReplicasPerCluster, NoAutoScaling: v.version.noAutoScaling()}
	catalog.Sizes, _ = v.sizes()
	catalog.Controller, _ = c.controller(v)
	for _, m := range v.Clusters {
		catalog.Clusters = append(catalog.Clusters, engine.ClusterInfo{ID: m.ID, Name: m.Name, Managed: m.Managed, OwnerID: m.OwnerID, Owner: v.Roles.Name(m.OwnerID),
			Control: m.Name == c.cfg.ControlCluster, Replicas: int64(len(m.Replicas)), Schedule: m.Schedule})
	}
	slices.SortFunc(catalog.Clusters, func(a, b engine.ClusterInfo) int { return strings.Compare(a.ID, b.ID) })
	return catalog
}

// Now is Catalog of no earlier moment than the call.
func (c *Client) Now(ctx context.Context) (engine.Catalog, error) {
	c.Touch()
	return c.Catalog(ctx)
}

// Find asks the server for the clusters that a text means, as id or as name. It is for what a picture does not show, which may be a moment old.
func (c *Client) Find(ctx context.Context, text string) (found []engine.ClusterInfo, err error) {
	v, err := c.world.see(ctx)
	if err != nil {
		return nil, err
	}
	err = c.query(ctx, "find cluster", "SELECT id, name, coalesce(managed, false), coalesce(owner_id, '') FROM mz_catalog.mz_clusters WHERE id = $1 OR name = $1", func(rows pgx.Rows) error {
		var i engine.ClusterInfo
		err := rows.Scan(&i.ID, &i.Name, &i.Managed, &i.OwnerID)
		i.Owner, i.Control = v.Roles.Name(i.OwnerID), i.Name == c.cfg.ControlCluster
		if m := v.Clusters[i.ID]; m != nil {
			i.Replicas, i.Schedule = int64(len(m.Replicas)), m.Schedule
		}
		found = append(found, i)
		return err
	}, text)
	return found, err
}
