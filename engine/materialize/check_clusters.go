package materialize

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// clusters checks that the controller may change the clusters of users: a strategy for another one would be refused, and one that is stored
// already does nothing.
func (k *check) clusters(ctx context.Context, catalog engine.Catalog) {
	stored := map[string]bool{}
	err := k.client.query(ctx, "read strategies",
		"SELECT DISTINCT cluster_id FROM "+k.client.table(strategiesTable)+" WHERE cluster_id IS NOT NULL", func(rows pgx.Rows) error {
			var id string
			err := rows.Scan(&id)
			stored[id] = true
			return err
		})
	if err != nil {
		stored = map[string]bool{} // reported with the tables
	}
	free := int64(0)
	clusters := slices.Clone(catalog.Clusters)
	slices.SortFunc(clusters, func(a, b engine.ClusterInfo) int { return len(a.ID) - len(b.ID) })
	for _, cluster := range clusters {
		if !strings.HasPrefix(cluster.ID, "u") || cluster.Control {
			continue
		}
		kind := ""
		if cluster.Managed {
			kind = " (managed)"
		}
		grant := "GRANT " + pgtext.QuoteIdent(cluster.Owner) + " TO " + pgtext.QuoteIdent(k.role.Name)
		switch {
		case k.role.MayManage(cluster) && stored[cluster.ID]:
			k.add(OK, "clusters", "%q%s", cluster.Name, kind)
		case k.role.MayManage(cluster):
			free++
		case stored[cluster.ID]:
			k.run(Failure, "clusters", []string{grant}, "%q%s belongs to %q: the controller may not change it, and its strategies do nothing; run: %s", cluster.Name, kind, cluster.Owner, grant)
		default:
			k.run(Warning, "clusters", []string{grant}, "%q%s belongs to %q: strategies for it are refused, since the controller may not change it; run: %s", cluster.Name, kind, cluster.Owner, grant)
		}
	}
	if free > 0 {
		k.add(OK, "clusters", "%s without strategies may have some", counted(free, "other cluster"))
	}
}
