package materialize

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// facts are what seldom changes, and does no harm where it is some seconds old.
type facts struct {
	sizes  []engine.Size
	limits engine.Limits
	// native names, by cluster id, what of the server's own scales a cluster.
	native map[string]string
}

func (c *Client) loadFacts(ctx context.Context) (facts, error) {
	return c.facts.get(func() (facts, error) {
		var f facts
		err := c.query(ctx, "read sizes",
			"SELECT size, processes::bigint, workers::bigint, credits_per_hour::float8 FROM mz_catalog.mz_cluster_replica_sizes",
			func(rows pgx.Rows) error {
				var s engine.Size
				err := rows.Scan(&s.Name, &s.Processes, &s.Workers, &s.CreditsPerHour)
				f.sizes = append(f.sizes, s)
				return err
			})
		if err != nil {
			return f, err
		}
		f.limits.MaxReplicasPerCluster, _ = strconv.ParseInt(c.show(ctx, "max_replicas_per_cluster"), 10, 64)
		f.limits.MaxCreditConsumptionRate, _ = strconv.ParseFloat(c.show(ctx, "max_credit_consumption_rate"), 64)
		f.native, err = c.readNative(ctx)
		return f, err
	})
}

// readNative finds the clusters whose replicas the server itself creates and drops. A server that does not have one of the
// mechanisms, or not its relation, has no cluster under it.
func (c *Client) readNative(ctx context.Context) (map[string]string, error) {
	native := map[string]string{}
	for _, mechanism := range []struct{ what, query string }{
		{"a SCHEDULE", "SELECT cluster_id FROM mz_internal.mz_cluster_schedules WHERE type <> 'manual'"},
		{"an AUTO SCALING STRATEGY", "SELECT cluster_id FROM mz_internal.mz_cluster_auto_scaling_strategies WHERE strategy IS NOT NULL"},
	} {
		err := c.query(ctx, "read clusters under "+mechanism.what, mechanism.query, func(rows pgx.Rows) error {
			var id string
			err := rows.Scan(&id)
			native[id] = mechanism.what
			return err
		})
		if err != nil && !isMissing(err) && !refusedWith(err, "42703", "42501") {
			return nil, err
		}
	}
	return native, nil
}
