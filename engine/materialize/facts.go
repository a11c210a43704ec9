package materialize

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// facts are what seldom changes.
type facts struct {
	sizes  []engine.Size
	limits engine.Limits
	// loggingOff says why statement history cannot be trusted; empty: it can.
	loggingOff string
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
		f.loggingOff = loggingOff(c.show(ctx, "statement_logging_max_sample_rate"), c.show(ctx, "statement_logging_default_sample_rate"))
		return f, nil
	})
}

// The sample rate from which on the history counts as complete: the default of
// a server that logs is 0.99, so that a hundred statements leave a trace with near certainty.
const completeRate = 0.99

// loggingOff judges the two rates of statement logging: the smaller one counts
// (Materialize documentation, "Query History").
func loggingOff(maxRate, defaultRate string) string {
	top, err := strconv.ParseFloat(maxRate, 64)
	if err != nil {
		return "the server does not say whether it logs statements"
	}
	rate, err := strconv.ParseFloat(defaultRate, 64)
	if err != nil {
		rate = top
	}
	switch rate = min(rate, top); {
	case rate <= 0:
		return "statement logging is off"
	case rate < completeRate:
		return "statement logging is sampled at " + strconv.FormatFloat(rate, 'g', 3, 64)
	}
	return ""
}
