package mirror

import (
	"slices"
	"strings"

	"mzproxy/rewrite/pgtext"
)

// A Relation is a part of what is subscribed to: rows of one relation of the server, under a tag of their own.
type Relation struct {
	// Signal is what it tells, for people; Without is what does not work where the server, an older or a newer one, does not have the relation
	// or one of its columns, or does not let the controller read it. Empty: nothing works then.
	Signal, Without string

	tag     string
	columns []string // expressions of type text
	from    string   // what follows FROM
	key     int      // the column by which rows are kept together
}

// width is how many columns a row has behind its tag, at most.
const width = 8

// Select is the part of the relation in a subscription: every row has its tag and the same number of columns, all text.
func (r Relation) Select() string {
	columns := slices.Clone(r.columns)
	for len(columns) < width {
		columns = append(columns, "NULL::text")
	}
	for i, name := range [width]string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		columns[i] += " AS " + name
	}
	return "SELECT " + pgtext.QuoteLiteral(r.tag) + "::text AS k, " + strings.Join(columns, ", ") + " FROM " + r.from
}

// Query is what to subscribe to for the rows of some relations.
func Query(relations []Relation) string {
	parts := make([]string, len(relations))
	for i, r := range relations {
		parts[i] = r.Select()
	}
	return strings.Join(parts, " UNION ALL ")
}

// The tags.
const (
	tagCluster       = "cluster"
	tagReplica       = "replica"
	tagStatus        = "status"
	tagHydration     = "hydration"
	tagIndex         = "index"
	tagView          = "view"
	tagSource        = "source"
	tagSink          = "sink"
	tagSubscription  = "subscription"
	tagSchedule      = "schedule"
	tagScaling       = "scaling"
	tagReconfigure   = "reconfiguration"
	tagSize          = "size"
	tagRole          = "role"
	tagMember        = "member"
	tagDatabase      = "database"
	tagSchema        = "schema"
	tagTable         = "table"
	tagStrategy      = "strategy"
	tagState         = "state"
	tagAction        = "action"
	tagLease         = "lease"
	withoutObjects   = "no replica counts as ready, and idle_suspend holds"
	withoutAuthority = "nobody but superusers and owners may write strategies"
)

// Catalog is what is watched of the catalog. Rows of introspection objects are left out by the server: each cluster has dozens of them, and they would
// call a cluster hydrated whose own objects are not known yet. schema is that of our tables, whose names are the others.
func Catalog(schema string, tables []string) []Relation {
	quoted := make([]string, len(tables))
	for i, t := range tables {
		quoted[i] = pgtext.QuoteLiteral(t)
	}
	const users = " LIKE 'u%'"
	return []Relation{
		{Signal: "clusters", tag: tagCluster, from: "mz_catalog.mz_clusters",
			columns: []string{"id", "name", "managed::text", "owner_id", "size", "replication_factor::text"}},
		{Signal: "replicas", tag: tagReplica, from: "mz_catalog.mz_cluster_replicas WHERE cluster_id" + users, key: 1,
			columns: []string{"id", "cluster_id", "name", "size"}},
		{Signal: "replica statuses", Without: "no replica counts as ready", tag: tagStatus, from: "mz_internal.mz_cluster_replica_statuses WHERE replica_id" + users,
			columns: []string{"replica_id", "process_id::text", "status", "updated_at::text"}},
		{Signal: "hydration", Without: "no replica with objects counts as ready", tag: tagHydration, key: 1,
			from: "mz_internal.mz_hydration_statuses WHERE object_id" + users + " AND replica_id IS NOT NULL", columns: []string{"object_id", "replica_id", "hydrated::text"}},
		{Signal: "indexes", Without: withoutObjects, tag: tagIndex, from: "mz_catalog.mz_indexes WHERE id" + users, key: 1, columns: []string{"id", "cluster_id", "name"}},
		{Signal: "materialized views", Without: withoutObjects, tag: tagView, from: "mz_catalog.mz_materialized_views WHERE id" + users, key: 1,
			columns: []string{"id", "cluster_id", "name"}},
		{Signal: "sources", Without: withoutObjects, tag: tagSource, from: "mz_catalog.mz_sources WHERE id" + users + " AND cluster_id IS NOT NULL", key: 1,
			columns: []string{"id", "cluster_id", "name", "type"}},
		{Signal: "sinks", Without: withoutObjects, tag: tagSink, from: "mz_catalog.mz_sinks WHERE id" + users, key: 1, columns: []string{"id", "cluster_id", "name"}},
		{Signal: "subscriptions", Without: "idle_suspend holds", tag: tagSubscription, from: "mz_internal.mz_subscriptions WHERE cluster_id" + users, key: 1,
			columns: []string{"id", "cluster_id"}},
		{Signal: "schedules", Without: "a SCHEDULE is not noticed", tag: tagSchedule, from: "mz_internal.mz_cluster_schedules", columns: []string{"cluster_id", "type"}},
		{Signal: "auto scaling strategies", Without: "an AUTO SCALING STRATEGY is not noticed", tag: tagScaling, from: "mz_internal.mz_cluster_auto_scaling_strategies",
			columns: []string{"cluster_id", "strategy::text", "state::text"}},
		{Signal: "reconfigurations", Without: "a change of a managed cluster that is under way is not noticed", tag: tagReconfigure,
			from: "mz_internal.mz_cluster_reconfigurations", columns: []string{"cluster_id", "status", "deadline::text", "target::text"}},
		{Signal: "sizes", tag: tagSize, from: "mz_catalog.mz_cluster_replica_sizes",
			columns: []string{"size", "processes::text", "workers::text", "credits_per_hour::text"}},
		{Signal: "roles", tag: tagRole, from: "mz_catalog.mz_roles", columns: []string{"id", "name", "rolsuper::text"}},
		{Signal: "role members", Without: withoutAuthority, tag: tagMember, from: "mz_catalog.mz_role_members", key: 1, columns: []string{"role_id", "member"}},
		{Signal: "databases", Without: withoutAuthority, tag: tagDatabase, from: "mz_catalog.mz_databases", columns: []string{"id", "name"}},
		{Signal: "schemas", Without: withoutAuthority, tag: tagSchema, from: "mz_catalog.mz_schemas WHERE name = " + pgtext.QuoteLiteral(schema), columns: []string{"id", "database_id"}},
		{Signal: "privileges", Without: withoutAuthority, tag: tagTable, from: "mz_catalog.mz_tables WHERE name IN (" + strings.Join(quoted, ", ") + ")", key: 1,
			columns: []string{"id", "name", "schema_id", "owner_id", "privileges::text"}},
	}
}

// Own is what is watched of our own tables, by their qualified names. Actions are of no interest that are older than since, a literal.
func Own(strategies, state, actions, lease, since string, undated bool) []Relation {
	dated := "updated_at::text"
	if undated { // another tool has made the table
		dated = "NULL::text"
	}
	return []Relation{
		{Signal: "strategies", tag: tagStrategy, from: strategies, columns: []string{"cluster_id", "strategy_type", "config::text", dated}},
		{Signal: "state", tag: tagState, from: state + " WHERE state_version = 2", columns: []string{"cluster_id", "payload::text", "updated_at::text"}},
		{Signal: "actions", tag: tagAction, from: actions + " WHERE created_at > " + since, key: 1,
			columns: []string{"action_id", "cluster_id", "action_sql", "error_message", "decision_ctx->>'sqlstate'", "executed::text", "created_at::text"}},
		{Signal: "lease", tag: tagLease, from: lease, columns: []string{"id", "holder", "expires_at::text"}},
	}
}
