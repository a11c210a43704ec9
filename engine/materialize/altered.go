package materialize

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// lastChange is what the server's audit events say of the last change of a cluster.
const lastChange = "SELECT details->>'id', \"user\", occurred_at FROM mz_catalog.mz_audit_events WHERE object_type = 'cluster' AND event_type = 'alter' AND details->>'id' = "

// readAlterations finds out who changed managed clusters last; it is for people.
func (c *Client) readAlterations(ctx context.Context, s *engine.Snapshot) error {
	for i := range s.Clusters {
		cluster := &s.Clusters[i]
		if cluster.Shape == nil {
			continue
		}
		err := c.query(ctx, "read audit events", lastChange+pgtext.QuoteLiteral(cluster.ID)+" ORDER BY occurred_at DESC LIMIT 1", func(rows pgx.Rows) error {
			var id, user *string
			var at time.Time
			if err := rows.Scan(&id, &user, &at); err != nil {
				return err
			}
			changed := engine.At(at.UTC())
			cluster.Changed = &engine.Change{By: orEmpty(user), At: changed}
			return nil
		})
		if err != nil && !isMissing(err) && !isForbidden(err) {
			return err
		}
	}
	return nil
}
