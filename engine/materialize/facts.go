package materialize

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// facts are what seldom changes, and does no harm where it is some seconds old.
type facts struct {
	sizes    []engine.Size // with which replicas may be created
	withheld []engine.Size // that are not allowed
	limits   engine.Limits
	// native names, by cluster id, what of the server's own scales a cluster.
	native map[string]string
}

func (c *Client) loadFacts(ctx context.Context) (facts, error) {
	return c.facts.get(func() (facts, error) {
		var f facts
		err := c.query(ctx, "read sizes",
			"SELECT size, processes::bigint, workers::bigint, coalesce(credits_per_hour, 0)::float8 FROM mz_catalog.mz_cluster_replica_sizes",
			func(rows pgx.Rows) error {
				var s engine.Size
				err := rows.Scan(&s.Name, &s.Processes, &s.Workers, &s.CreditsPerHour)
				f.sizes = append(f.sizes, s)
				return err
			})
		if err != nil {
			return f, err
		}
		f.withhold(c.show(ctx, "allowed_cluster_replica_sizes"))
		f.limits.MaxReplicasPerCluster, _ = strconv.ParseInt(c.show(ctx, "max_replicas_per_cluster"), 10, 64)
		f.limits.MaxCreditConsumptionRate, _ = strconv.ParseFloat(c.show(ctx, "max_credit_consumption_rate"), 64)
		f.native, err = c.readNative(ctx)
		return f, err
	})
}

// withhold takes the sizes out that a setting does not allow: a list of identifiers. An empty one allows all.
func (f *facts) withhold(setting string) {
	allowed := identifiers(setting)
	var sizes, withheld []engine.Size
	for _, s := range f.sizes {
		if slices.Contains(allowed, s.Name) {
			sizes = append(sizes, s)
		} else {
			withheld = append(withheld, s)
		}
	}
	if len(sizes) > 0 {
		f.sizes, f.withheld = sizes, withheld
	}
}

// identifiers reads a list of identifiers that are separated by commas, quoted or not.
func identifiers(list string) []string {
	var names []string
	for rest := strings.TrimSpace(list); rest != ""; {
		var name string
		if strings.HasPrefix(rest, `"`) {
			end := 1
			for end < len(rest) && (rest[end] != '"' || strings.HasPrefix(rest[end:], `""`)) {
				if rest[end] == '"' {
					end++
				}
				end++
			}
			name = strings.ReplaceAll(rest[1:min(end, len(rest))], `""`, `"`)
			_, rest, _ = strings.Cut(rest[min(end, len(rest)):], ",")
		} else {
			name, rest, _ = strings.Cut(rest, ",")
			name = strings.TrimSpace(name)
		}
		if name != "" {
			names = append(names, name)
		}
		rest = strings.TrimSpace(rest)
	}
	return names
}

// readNative finds the clusters whose replicas the server itself creates and drops. A server that does not have one of the
// mechanisms, or not its relation, has no cluster under it.
func (c *Client) readNative(ctx context.Context) (map[string]string, error) {
	native := map[string]string{}
	for _, mechanism := range []struct {
		what string
		signal
	}{{"a SCHEDULE", scheduleSignal}, {"an AUTO SCALING STRATEGY", autoScalingSignal}} {
		_, err := c.read(ctx, mechanism.signal, "", func(rows pgx.Rows) error {
			var id string
			err := rows.Scan(&id)
			native[id] = mechanism.what
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return native, nil
}
