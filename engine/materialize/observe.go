package materialize

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"mzproxy/engine"
)

// objects lists what hydrates on a cluster, with the kind of each: indexes that
// users made, materialized views, sources and sinks. The introspection indexes
// that every cluster has are left out (their ids do not begin with "u"): they
// would call a cluster hydrated whose own objects are not known yet, and one
// without objects never hydrated. A cluster without objects has nothing to hydrate.
const objects = `(
	SELECT id, cluster_id, 'index' AS kind FROM mz_catalog.mz_indexes WHERE id LIKE 'u%'
	UNION ALL SELECT id, cluster_id, 'materialized-view' FROM mz_catalog.mz_materialized_views WHERE id LIKE 'u%'
	UNION ALL SELECT id, cluster_id, 'source' FROM mz_catalog.mz_sources
		WHERE id LIKE 'u%' AND cluster_id IS NOT NULL AND type NOT IN ('subsource', 'progress', 'webhook', 'log')
	UNION ALL SELECT id, cluster_id, 'sink' FROM mz_catalog.mz_sinks WHERE id LIKE 'u%'
)`

// How far back statement history is read at least.
const leastHistory = time.Hour

// Observe reads clusters in a constant number of queries. Activity that cannot
// be read is unknown; anything else that cannot be read is an error, for
// nothing may be decided without it.
func (c *Client) Observe(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error) {
	o := observation{client: c, clusters: map[string]*engine.ClusterState{}, replicas: map[string]*engine.Replica{}}
	f, err := c.loadFacts(ctx)
	if err != nil {
		return engine.Snapshot{}, err
	}
	o.snapshot = engine.Snapshot{Sizes: f.sizes, Limits: f.limits, EnableExperimental: c.cfg.EnableExperimental}
	if err := o.readStrategies(ctx, clusterIDs); err != nil {
		return engine.Snapshot{}, err
	}
	if err := o.readClusters(ctx, clusterIDs); err != nil {
		return engine.Snapshot{}, err
	}
	var signals errgroup.Group
	for _, read := range []func(context.Context) error{o.readHydration, o.readObligations, o.readCrashes, o.readState, o.readRecentActions} {
		signals.Go(func() error { return read(ctx) })
	}
	signals.Go(func() error { return o.readActivity(ctx, f.loggingOff) })
	if err := signals.Wait(); err != nil {
		return engine.Snapshot{}, err
	}
	return o.finish(), nil
}

// observation is a snapshot in the making.
type observation struct {
	client   *Client
	snapshot engine.Snapshot
	ids      []string // of the clusters, sorted
	rows     map[string][]engine.StrategyRow
	clusters map[string]*engine.ClusterState
	replicas map[string]*engine.Replica // by id
	order    map[string][]string        // replica ids of a cluster
}

// filter restricts a column to the clusters observed.
func (o *observation) filter(column string) string {
	if len(o.ids) == 0 {
		return "false"
	}
	return column + " IN " + in(o.ids)
}

func (o *observation) readStrategies(ctx context.Context, ids []string) error {
	o.rows = map[string][]engine.StrategyRow{}
	where := ""
	if len(ids) > 0 {
		where = " WHERE cluster_id IN " + in(ids)
	}
	err := o.client.query(ctx, "read strategies",
		"SELECT cluster_id, strategy_type, config::text, updated_at FROM "+o.client.table("mz_cluster_strategies")+where,
		func(rows pgx.Rows) error {
			var id, kind, config string
			var updated *time.Time
			if err := rows.Scan(&id, &kind, &config, &updated); err != nil {
				return err
			}
			o.rows[id] = append(o.rows[id], engine.StrategyRow{Type: kind, Config: json.RawMessage(config), UpdatedAt: at(updated)})
			return nil
		})
	if err != nil {
		return err
	}
	for _, rows := range o.rows { // the table has no order; a plan needs one
		slices.SortFunc(rows, func(a, b engine.StrategyRow) int {
			return strings.Compare(a.Type+"\x00"+string(a.Config), b.Type+"\x00"+string(b.Config))
		})
	}
	return nil
}

func at(t *time.Time) *engine.Timestamp {
	if t == nil {
		return nil
	}
	ts := engine.At(t.UTC())
	return &ts
}

// readClusters reads the clusters that were named, or that have strategies, and the
// time; and their replicas with their status.
func (o *observation) readClusters(ctx context.Context, ids []string) error {
	wanted := ids
	if len(wanted) == 0 {
		for id := range o.rows {
			wanted = append(wanted, id)
		}
	}
	err := o.client.query(ctx, "read clusters",
		"SELECT id, name, coalesce(managed, false), now() FROM mz_catalog.mz_clusters",
		func(rows pgx.Rows) error {
			var s engine.ClusterState
			var now time.Time
			if err := rows.Scan(&s.ID, &s.Name, &s.Managed, &now); err != nil {
				return err
			}
			o.snapshot.Now = engine.At(now.UTC())
			if slices.Contains(wanted, s.ID) {
				s.Strategies = o.rows[s.ID]
				s.Control = s.Name == o.client.cfg.ControlCluster
				s.State = map[string]json.RawMessage{}
				o.clusters[s.ID] = &s
				o.ids = append(o.ids, s.ID)
			}
			return nil
		})
	if err != nil {
		return err
	}
	slices.Sort(o.ids)
	return o.readReplicas(ctx)
}

func (o *observation) readReplicas(ctx context.Context) error {
	o.order = map[string][]string{}
	err := o.client.query(ctx, "read replicas", `
		SELECT r.id, r.cluster_id, r.name, coalesce(r.size, ''), count(s.status), count(CASE WHEN s.status = 'online' THEN 1 END)
		FROM mz_catalog.mz_cluster_replicas r LEFT JOIN mz_internal.mz_cluster_replica_statuses s ON s.replica_id = r.id
		WHERE r.cluster_id LIKE 'u%'
		GROUP BY r.id, r.cluster_id, r.name, r.size ORDER BY r.cluster_id, r.name`,
		func(rows pgx.Rows) error {
			var r engine.Replica
			var cluster string
			var processes, online int64
			if err := rows.Scan(&r.ID, &cluster, &r.Name, &r.Size, &processes, &online); err != nil {
				return err
			}
			r.Online = processes > 0 && online == processes
			o.snapshot.Limits.CreditsInUse += o.snapshot.Credits([]engine.ReplicaSpec{{Name: r.Name, Size: r.Size}})
			if o.clusters[cluster] != nil {
				o.replicas[r.ID] = &r
				o.order[cluster] = append(o.order[cluster], r.ID)
			}
			return nil
		})
	return err
}

// readHydration counts the objects of each cluster, and of these the hydrated
// ones on each replica. A row that is missing means not hydrated.
func (o *observation) readHydration(ctx context.Context) error {
	return o.client.query(ctx, "read hydration", `
		SELECT r.id, count(o.id), count(CASE WHEN h.hydrated THEN 1 END)
		FROM mz_catalog.mz_cluster_replicas r
		LEFT JOIN `+objects+` o ON o.cluster_id = r.cluster_id
		LEFT JOIN mz_internal.mz_hydration_statuses h ON h.object_id = o.id AND h.replica_id = r.id
		WHERE `+o.filter("r.cluster_id")+` GROUP BY r.id`,
		func(rows pgx.Rows) error {
			var id string
			var all, hydrated int64
			if err := rows.Scan(&id, &all, &hydrated); err != nil {
				return err
			}
			if r := o.replicas[id]; r != nil {
				done := hydrated >= all
				r.Hydrated, r.HydratedObjects = &done, &hydrated
			}
			return nil
		})
}

func (o *observation) readObligations(ctx context.Context) error {
	counts := map[string]int64{}
	err := o.client.query(ctx, "read objects", `
		SELECT o.cluster_id, o.kind, count(*) FROM `+objects+` o WHERE `+o.filter("o.cluster_id")+` GROUP BY o.cluster_id, o.kind`,
		func(rows pgx.Rows) error {
			var id, kind string
			var n int64
			if err := rows.Scan(&id, &kind, &n); err != nil {
				return err
			}
			c := o.clusters[id]
			counts[id] += n
			switch kind {
			case "index":
				c.Obligations.Indexes = n
			case "materialized-view":
				c.Obligations.MaterializedViews = n
			case "source":
				c.Obligations.Sources = n
			case "sink":
				c.Obligations.Sinks = n
			}
			return nil
		})
	for id, c := range o.clusters {
		n := counts[id]
		c.Objects = &n
	}
	return err
}

// readCrashes counts, of the last hour, the times that a process of a replica
// went offline with a reason.
func (o *observation) readCrashes(ctx context.Context) error {
	return o.client.query(ctx, "read crashes", `
		SELECT replica_id, count(*), count(CASE WHEN reason LIKE 'oom%' THEN 1 END)
		FROM mz_internal.mz_cluster_replica_status_history
		WHERE status = 'offline' AND reason IS NOT NULL AND reason <> 'initializing' AND occurred_at > now() - INTERVAL '1 hour'
		GROUP BY replica_id`,
		func(rows pgx.Rows) error {
			var id string
			var crashes, ooms int64
			if err := rows.Scan(&id, &crashes, &ooms); err != nil {
				return err
			}
			if r := o.replicas[id]; r != nil {
				r.CrashCount, r.OOMCount = crashes, ooms
			}
			return nil
		})
}

func (o *observation) finish() engine.Snapshot {
	for _, id := range o.ids {
		c := o.clusters[id]
		for _, replica := range o.order[id] {
			c.Replicas = append(c.Replicas, *o.replicas[replica])
		}
		o.snapshot.Clusters = append(o.snapshot.Clusters, *c)
	}
	return o.snapshot
}
