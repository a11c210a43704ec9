package materialize

import (
	"context"
	"slices"
	"strconv"
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

// Role finds out who is behind a session, by the pid of its BackendKeyData.
// Where the server does not check privileges, everybody counts as superuser.
func (c *Client) Role(ctx context.Context, backendPID uint32) (engine.Role, error) {
	var r engine.Role
	err := c.pool.QueryRow(ctx, `
		SELECT r.id, r.name FROM mz_internal.mz_sessions s JOIN mz_catalog.mz_roles r ON r.id = s.role_id
		WHERE s.connection_id::text = $1`, strconv.FormatUint(uint64(backendPID), 10)).Scan(&r.ID, &r.Name)
	if err != nil {
		return r, wrapped("read role", err)
	}
	var super *bool
	if err := c.pool.QueryRow(ctx, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = $1", r.Name).Scan(&super); err != nil {
		return r, wrapped("read role", err)
	}
	r.Superuser = super != nil && *super || c.show(ctx, "enable_rbac_checks") == "off"
	if r.Superuser {
		return r, nil
	}
	r.MemberOf, err = c.memberOf(ctx, r.ID)
	return r, err
}

// MayRead tells whether the server would let a role read one of our tables.
func (c *Client) MayRead(ctx context.Context, r engine.Role, table string) (bool, error) {
	if r.Superuser {
		return true, nil
	}
	var may *bool
	err := c.pool.QueryRow(ctx, "SELECT has_table_privilege($1, $2, 'SELECT')", r.Name, c.table(table)).Scan(&may)
	return may != nil && *may, wrapped("read privileges", err)
}

// memberOf returns the roles that a role is a member of, directly or not.
func (c *Client) memberOf(ctx context.Context, role string) ([]string, error) {
	groups := map[string][]string{}
	err := c.query(ctx, "read role members", "SELECT member, role_id FROM mz_catalog.mz_role_members", func(rows pgx.Rows) error {
		var member, group string
		err := rows.Scan(&member, &group)
		groups[member] = append(groups[member], group)
		return err
	})
	var all []string
	for next := []string{role}; len(next) > 0; next = next[1:] {
		for _, group := range groups[next[0]] {
			if !slices.Contains(all, group) {
				all = append(all, group)
				next = append(next, group)
			}
		}
	}
	return all, err
}
