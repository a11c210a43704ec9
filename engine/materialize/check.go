package materialize

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// Severity says what a Finding means for the proxy.
type Severity string

// The severities of a Finding.
const (
	OK      Severity = "ok"
	Warning Severity = "warning" // something works in a reduced way
	Failure Severity = "error"   // something will not work
)

// Finding is one result of a check, in one line.
type Finding struct {
	Severity Severity
	Subject  string // what was looked at: "server", "tables", ...
	Text     string
}

// Check looks whether the server has what the controller needs, and changes
// nothing. aliases are names for sizes, as the planner resolves them. After a
// failure to connect there are no other findings.
func (c *Client) Check(ctx context.Context, aliases map[string]string) []Finding {
	k := check{client: c}
	if !k.server(ctx) {
		return k.findings
	}
	k.tables(ctx)
	catalog, err := c.Catalog(ctx)
	if err != nil {
		k.add(Failure, "catalog", "%s", err)
		return k.findings
	}
	k.trust(ctx)
	k.sizes(catalog, aliases)
	k.controlCluster(ctx, catalog)
	k.signals(ctx)
	k.history(ctx)
	k.clusters(ctx, catalog)
	return k.findings
}

// check is a Check in progress.
type check struct {
	client   *Client
	role     engine.Role
	findings []Finding
}

func (k *check) add(s Severity, subject, format string, args ...any) {
	k.findings = append(k.findings, Finding{s, subject, fmt.Sprintf(format, args...)})
}

// server connects and finds out who we are. It reports whether the rest can
// be looked at.
func (k *check) server(ctx context.Context) bool {
	var version string
	if err := k.client.pool.QueryRow(ctx, "SHOW mz_version").Scan(&version); err != nil {
		k.add(Failure, "server", "%s", err)
		return false
	}
	role, err := k.client.controller(ctx)
	if err != nil {
		k.add(Failure, "server", "%s, but the role of the controller cannot be read: %s", version, err)
		return false
	}
	k.role = role
	kind := "not a superuser"
	if role.Superuser {
		kind = "superuser, or privileges are not checked"
	}
	k.add(OK, "server", "%s; the controller is role %q (%s)", version, role.Name, kind)
	return true
}

// tables checks the columns of our tables, and that the controller may use them.
func (k *check) tables(ctx context.Context) {
	for i, t := range tables {
		_, err := k.client.exec(ctx, "read table", "SELECT "+columnNames(t.columns)+" FROM "+k.client.table(t.name)+" LIMIT 0")
		switch {
		case isMissing(err):
			k.add(Warning, "tables", "%s is missing; serve creates it, or run: %s", t.name, k.client.createStatement(i))
		case err != nil:
			k.add(Failure, "tables", "%s: %s", t.name, err)
		default:
			k.privileges(ctx, t.name)
		}
	}
}

// columnNames cuts definitions of columns down to their names.
func columnNames(definitions string) string {
	var names []string
	for _, d := range strings.Split(definitions, ", ") {
		name, _, _ := strings.Cut(d, " ")
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func (k *check) privileges(ctx context.Context, table string) {
	var missing []string
	for _, privilege := range []string{"SELECT", "INSERT", "UPDATE", "DELETE"} {
		var may *bool
		err := k.client.pool.QueryRow(ctx, "SELECT has_table_privilege($1, $2)", k.client.table(table), privilege).Scan(&may)
		if err != nil {
			k.add(Warning, "tables", "%s: privileges cannot be read: %s", table, err)
			return
		}
		if may == nil || !*may {
			missing = append(missing, privilege)
		}
	}
	if len(missing) > 0 && !k.role.Superuser {
		k.add(Failure, "tables", "%s: the controller lacks %s; run: GRANT %[2]s ON %s TO %s",
			table, strings.Join(missing, ", "), k.client.table(table), pgtext.QuoteIdent(k.role.Name))
		return
	}
	k.add(OK, "tables", "%s", table)
}

// trust tells which rows count.
func (k *check) trust(ctx context.Context) {
	needed, why, err := NewApprovals(k.client).rule(ctx)
	switch {
	case err != nil:
		k.add(Failure, "rows", "%s", err)
	case needed:
		k.add(OK, "rows", "they count with an approval: %s", why)
	default:
		k.add(OK, "rows", "all count: %s", why)
	}
}

// sizes checks that there are sizes, and that every alias names one.
func (k *check) sizes(catalog engine.Catalog, aliases map[string]string) {
	var names []string
	for _, s := range catalog.Sizes {
		names = append(names, s.Name)
	}
	if len(names) == 0 {
		k.add(Failure, "sizes", "the server offers no replica sizes")
		return
	}
	k.add(OK, "sizes", "%d replica sizes", len(names))
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		if size := aliases[alias]; !slices.Contains(names, size) {
			k.add(Failure, "sizes", "alias %q stands for %q, which the server does not offer", alias, size)
		}
	}
}

// controlCluster checks that queries on our own tables can run.
func (k *check) controlCluster(ctx context.Context, catalog engine.Catalog) {
	name := k.client.cfg.ControlCluster
	i := slices.IndexFunc(catalog.Clusters, func(c engine.ClusterInfo) bool { return c.Name == name })
	if i < 0 {
		k.add(Failure, "control cluster", "there is no cluster %q; name another with --control-cluster", name)
		return
	}
	var replicas int64
	err := k.client.pool.QueryRow(ctx, "SELECT count(*) FROM mz_catalog.mz_cluster_replicas WHERE cluster_id = $1", catalog.Clusters[i].ID).Scan(&replicas)
	switch {
	case err != nil:
		k.add(Failure, "control cluster", "%s", err)
	case replicas == 0:
		k.add(Failure, "control cluster", "%q has no replicas, so the proxy's tables cannot be read", name)
	default:
		k.add(OK, "control cluster", "%q, replicas: %d", name, replicas)
	}
}

// history checks what idle_suspend needs to tell a cluster that is idle from
// one that nobody can see.
func (k *check) history(ctx context.Context) {
	off, err := k.client.readLogging(ctx)
	if err != nil {
		k.add(Failure, "statement logging", "%s", err)
		return
	}
	_, err = k.client.exec(ctx, "read statement history",
		"SELECT cluster_id, statement_type, execution_strategy, finished_status, finished_at, began_at, redacted_sql FROM mz_internal.mz_recent_activity_log_redacted LIMIT 0")
	switch {
	case isForbidden(err):
		k.add(Warning, "statement logging", "%s; idle_suspend holds; run: %s", fault(err), k.client.grant())
	case err != nil:
		k.add(Warning, "statement logging", "%s; idle_suspend goes by the history without kinds of statements", fault(err))
	case off != "":
		k.add(Warning, "statement logging", "%s; idle_suspend holds where it sees no activity", off)
	default:
		k.add(OK, "statement logging", "complete, and readable")
	}
}

// clusters checks that the controller may change every cluster that has
// strategies.
func (k *check) clusters(ctx context.Context, catalog engine.Catalog) {
	var ids []string
	err := k.client.query(ctx, "read strategies",
		"SELECT DISTINCT cluster_id FROM "+k.client.table(strategiesTable), func(rows pgx.Rows) error {
			var id string
			err := rows.Scan(&id)
			ids = append(ids, id)
			return err
		})
	if err != nil {
		return // reported with the tables
	}
	slices.Sort(ids)
	for _, id := range ids {
		i := slices.IndexFunc(catalog.Clusters, func(c engine.ClusterInfo) bool { return c.ID == id })
		if i < 0 {
			k.add(Warning, "clusters", "strategies are stored for %q, which does not exist", id)
			continue
		}
		cluster := catalog.Clusters[i]
		switch {
		case cluster.Managed:
			k.add(Warning, "clusters", "%q has strategies but is managed by the system", cluster.Name)
		case !k.role.MayManage(cluster):
			k.add(Failure, "clusters", "%q belongs to %q: the controller may not change it; run: GRANT %s TO %s",
				cluster.Name, cluster.Owner, pgtext.QuoteIdent(cluster.Owner), pgtext.QuoteIdent(k.role.Name))
		default:
			k.add(OK, "clusters", "%q", cluster.Name)
		}
	}
}
