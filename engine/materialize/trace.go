package materialize

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

// Trace finds what a statement of this role met, in the server's audit events. These have the names that cluster and replica had then, and
// the ids that stay.
func (c *Client) Trace(ctx context.Context, since time.Time, op, cluster, replica string) (met reconcile.Traced, err error) {
	err = c.query(ctx, "read audit events", "SELECT details->>'cluster_id', coalesce(details->>'replica_id', '') FROM mz_catalog.mz_audit_events"+
		" WHERE object_type = 'cluster-replica' AND event_type = $1 AND \"user\" = current_user AND occurred_at >= "+timestamp(since.Truncate(time.Millisecond))+
		" AND details->>'cluster_name' = "+pgtext.QuoteLiteral(cluster)+" AND details->>'replica_name' = "+pgtext.QuoteLiteral(replica)+
		" ORDER BY id DESC LIMIT 1",
		func(rows pgx.Rows) error { return rows.Scan(&met.ClusterID, &met.ReplicaID) }, op)
	return met, err
}
