package mzsim

import (
	"context"
	"slices"
	"strings"
	"time"
)

// How Materialize executes what is read, and what that costs here: a standard read takes as long as the knob read_cost says, a
// fast-path read a tenth of it, a constant nothing.
//
//	constant   no relation is read: SELECT 1, SHOW of a variable, EXPLAIN
//	fast-path  rows of one relation that has an index on the cluster that answers are picked, converted, sorted, but not joined,
//	           counted or combined; or the first few of a relation as it is stored, without a condition and an order; SHOW of objects
//	standard   all other queries, what is fetched from a cursor, the half of a write that reads, the beginning of a SUBSCRIBE:
//	           a dataflow is built, computes, and is taken down
const (
	constantStrategy = "constant"
	fastPath         = "fast-path"
	standardStrategy = "standard"
)

const (
	fastPathShare = 10 // a standard read costs so many times as much as a fast-path one
	storedLimit   = 25 // up to so many rows are read from the store without a dataflow
)

// indexedRelations are relations of the system that have an index on mz_catalog_server. Not among them are mz_role_members,
// mz_sessions, mz_subscriptions, mz_cluster_schedules, mz_audit_events and the statement history.
var indexedRelations = wordSet(`mz_clusters mz_cluster_replicas mz_cluster_replica_statuses mz_cluster_replica_history mz_cluster_replica_sizes
	mz_hydration_statuses mz_indexes mz_materialized_views mz_sources mz_sinks mz_tables mz_views mz_roles mz_schemas mz_databases mz_objects
	mz_connections mz_secrets mz_columns mz_comments mz_cluster_auto_scaling_strategies mz_cluster_reconfigurations pg_roles
	show_clusters show_cluster_replicas show_indexes show_objects`)

// readingFunctions read relations of the catalog, which no query that calls them shows.
func readingFunction(name string) bool {
	return strings.HasPrefix(name, "has_") && strings.HasSuffix(name, "_privilege") || name == "pg_has_role" || name == "has_role"
}

// strategyOf says how an admitted query is executed; "" is the strategy of what is none.
func strategyOf(st *statement, sc scope, p place) string {
	switch show := st.Tokens[0].Is("show"); {
	case st.kind == kindFetch:
		return standardStrategy
	case st.Tokens[0].Is("explain"), show && st.kind != kindRead:
		return constantStrategy
	case st.kind != kindRead:
		return ""
	case show:
		return fastPath
	case slices.ContainsFunc(st.usage.Functions, readingFunction):
		return standardStrategy
	case len(st.usage.Relations) == 0:
		return constantStrategy
	case st.usage.Lookup == nil || len(st.usage.Relations) > 1:
		return standardStrategy
	}
	switch l := st.usage.Lookup; {
	case len(sc.users) == 0 && indexedRelations[st.usage.Relations[0].Name], slices.Contains(sc.indexed, p.clusterID):
		return fastPath
	case l.Limit >= 0 && l.Limit <= storedLimit && !l.Filtered && !l.Sorted:
		return fastPath
	}
	return standardStrategy
}

// cost is how long the reading takes that a statement does; the calls of knobs take no time.
func cost(st *statement, a admission, standard time.Duration) time.Duration {
	strategy := strategyOf(st, a.scope, a.place)
	switch {
	case strings.Contains(st.shown, knobSchema):
		return 0
	case strategy == standardStrategy, st.kind == kindReadWrite, st.kind == kindSubscribe:
		return standard
	case strategy == fastPath:
		return standard / fastPathShare
	}
	return 0
}

// turns has those who read on mz_catalog_server wait for one another.
type turns chan struct{}

// take waits until the time of a read has passed. Reads on mz_catalog_server pass one after another.
func (t turns) take(ctx context.Context, p place, cost time.Duration) error {
	if cost <= 0 {
		return nil
	}
	if p.clusterID == catalogServerID {
		select {
		case <-ctx.Done():
			return errCancelled
		case t <- struct{}{}:
		}
		defer func() { <-t }()
	}
	return delay(ctx, cost)
}

// delay waits unless ctx ends.
func delay(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return errCancelled
	case <-timer.C:
		return nil
	}
}
