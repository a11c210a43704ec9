package materialize

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

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

// replica is a replica with what its processes say.
type replica struct {
	engine.Replica
	processes, online int64
	since             *time.Time // since when they have been as they are
}

type crashes struct{ all, oom int64 }

func (o *observation) readReplicas(ctx context.Context) error {
	o.replicas = map[string][]replica{}
	filter := "r.cluster_id LIKE 'u%'" // all clusters: what they consume counts against the limit
	if o.again {
		filter = o.filter("r.cluster_id")
	}
	return o.client.query(ctx, "read replicas", `
		SELECT r.id, r.cluster_id, r.name, coalesce(r.size, ''), count(s.status), count(CASE WHEN s.status = 'online' THEN 1 END), max(s.updated_at)
		FROM mz_catalog.mz_cluster_replicas r LEFT JOIN mz_internal.mz_cluster_replica_statuses s ON s.replica_id = r.id
		WHERE `+filter+`
		GROUP BY r.id, r.cluster_id, r.name, r.size ORDER BY r.cluster_id, r.name`,
		func(rows pgx.Rows) error {
			var r replica
			var cluster string
			if err := rows.Scan(&r.ID, &cluster, &r.Name, &r.Size, &r.processes, &r.online, &r.since); err != nil {
				return err
			}
			o.replicas[cluster] = append(o.replicas[cluster], r)
			return nil
		})
}

// readReplicaAges reads when replicas were created. Where the server does not
// tell, it is not known.
func (o *observation) readReplicaAges(ctx context.Context) error {
	o.ages = map[string]time.Time{}
	err := o.client.query(ctx, "read replica history",
		"SELECT replica_id, created_at FROM mz_internal.mz_cluster_replica_history WHERE dropped_at IS NULL AND "+o.filter("cluster_id"),
		func(rows pgx.Rows) error {
			var id string
			var created *time.Time
			if err := rows.Scan(&id, &created); err != nil {
				return err
			}
			if created != nil {
				o.ages[id] = *created
			}
			return nil
		})
	if refused := (*pgconn.PgError)(nil); errors.As(err, &refused) {
		return nil
	}
	return err
}

// readCrashes counts, of the last hour, the times that a process of a replica
// went offline with a reason.
func (o *observation) readCrashes(ctx context.Context) error {
	o.crashes = map[string]crashes{}
	return o.client.query(ctx, "read crashes", `
		SELECT replica_id, count(*), count(CASE WHEN reason LIKE 'oom%' THEN 1 END)
		FROM mz_internal.mz_cluster_replica_status_history
		WHERE status = 'offline' AND reason IS NOT NULL AND reason <> 'initializing' AND occurred_at > now() - INTERVAL '1 hour'
		GROUP BY replica_id`,
		func(rows pgx.Rows) error {
			var id string
			var c crashes
			err := rows.Scan(&id, &c.all, &c.oom)
			o.crashes[id] = c
			return err
		})
}

// readHydration reads which objects are hydrated on which replicas. A row that is missing means not hydrated. Which of them
// count is for readObjects to say: two simple queries are answered sooner than a join of the two.
func (o *observation) readHydration(ctx context.Context) error {
	o.hydrated = map[string]map[string]bool{}
	return o.client.query(ctx, "read hydration", `
		SELECT h.replica_id, h.object_id
		FROM mz_internal.mz_hydration_statuses h JOIN mz_catalog.mz_cluster_replicas r ON r.id = h.replica_id
		WHERE h.hydrated AND h.object_id LIKE 'u%' AND `+o.filter("r.cluster_id"),
		func(rows pgx.Rows) error {
			var replica, object string
			if err := rows.Scan(&replica, &object); err != nil {
				return err
			}
			if o.hydrated[replica] == nil {
				o.hydrated[replica] = map[string]bool{}
			}
			o.hydrated[replica][object] = true
			return nil
		})
}

// readObjects reads what each cluster maintains.
func (o *observation) readObjects(ctx context.Context) error {
	o.objects, o.obligations = map[string][]string{}, map[string]engine.Obligations{}
	return o.client.query(ctx, "read objects",
		"SELECT o.cluster_id, o.id, o.kind FROM "+objects+" o WHERE "+o.filter("o.cluster_id"),
		func(rows pgx.Rows) error {
			var cluster, id, kind string
			if err := rows.Scan(&cluster, &id, &kind); err != nil {
				return err
			}
			o.objects[cluster] = append(o.objects[cluster], id)
			of := o.obligations[cluster]
			switch kind {
			case "index":
				of.Indexes++
			case "materialized-view":
				of.MaterializedViews++
			case "source":
				of.Sources++
			case "sink":
				of.Sinks++
			}
			o.obligations[cluster] = of
			return nil
		})
}

// finish puts together what is known of a replica. It is online when all processes of its size are, and have been for
// some time: right after a start, what is said about hydration may be from before.
func (o *observation) finish(c *engine.ClusterState, r replica, processes map[string]int64) engine.Replica {
	out := r.Replica
	out.Online = r.online > 0 && r.online == r.processes && r.online >= processes[r.Size]
	out.CrashCount, out.OOMCount = o.crashes[r.ID].all, o.crashes[r.ID].oom
	if created, ok := o.ages[r.ID]; ok {
		out.CreatedAt = at(&created)
	}
	done := int64(0)
	for _, object := range o.objects[c.ID] {
		if o.hydrated[r.ID][object] {
			done++
		}
	}
	hydrated := done == *c.Objects
	out.Hydrated, out.HydratedObjects = &hydrated, &done
	if !out.Online || r.since == nil {
		return out
	}
	if settled := r.since.Add(o.client.cfg.Lag); settled.After(o.now) {
		out.Online = false
		if c.SettledAt == nil || settled.Before(c.SettledAt.Time) {
			c.SettledAt = at(&settled)
		}
	}
	return out
}
