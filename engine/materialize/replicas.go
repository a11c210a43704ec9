package materialize

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"mzproxy/engine"
)

// replica is a replica of the catalog.
type replica struct{ engine.Replica }

type crashes struct{ all, oom int64 }

// readReplicas reads the replicas of all clusters, for what they consume counts against the limit, and what is said about those of the clusters
// concerned.
func (o *observation) readReplicas(ctx context.Context) error {
	o.replicas = map[string][]replica{}
	filter := "cluster_id LIKE 'u%'"
	if o.again {
		filter = o.filter("cluster_id")
	}
	err := o.client.query(ctx, "read replicas", "SELECT id, cluster_id, name, coalesce(size, '') FROM mz_catalog.mz_cluster_replicas WHERE "+filter,
		func(rows pgx.Rows) error {
			var r replica
			var cluster string
			if err := rows.Scan(&r.ID, &cluster, &r.Name, &r.Size); err != nil {
				return err
			}
			o.replicas[cluster] = append(o.replicas[cluster], r)
			return nil
		})
	if err != nil {
		return err
	}
	for _, replicas := range o.replicas {
		slices.SortFunc(replicas, func(a, b replica) int { return strings.Compare(a.Name, b.Name) })
	}
	condition, none := o.ofReplicas()
	if none {
		return nil
	}
	reads := []func(context.Context, string) error{o.readStatuses, o.readHydration}
	if !o.again {
		reads = append(reads, o.readCrashes)
	}
	var group errgroup.Group
	for _, read := range reads {
		group.Go(func() error { return read(ctx, condition) })
	}
	return group.Wait()
}

// ofReplicas restricts a read to the replicas of the clusters named. none: they have no replicas.
func (o *observation) ofReplicas() (condition string, none bool) {
	if len(o.named) == 0 || len(o.named) > longList {
		return "", false
	}
	var ids []string
	for _, cluster := range o.named {
		for _, r := range o.replicas[cluster] {
			ids = append(ids, r.ID)
		}
	}
	if len(ids) == 0 {
		return "", true
	}
	return "replica_id IN " + in(ids), false
}

// said is what the processes of a replica say.
type said struct {
	processes, online int64
	since             *time.Time // since when they have been as they are
}

func (o *observation) readStatuses(ctx context.Context, condition string) error {
	o.statuses = map[string]said{}
	_, err := o.client.read(ctx, statusSignal, condition, func(rows pgx.Rows) error { // without it none is online
		var id, status string
		var updated *time.Time
		if err := rows.Scan(&id, &status, &updated); err != nil {
			return err
		}
		s := o.statuses[id]
		s.processes++
		if status == "online" {
			s.online++
		}
		if updated != nil && (s.since == nil || updated.After(*s.since)) {
			s.since = updated
		}
		o.statuses[id] = s
		return nil
	})
	return err
}

// readReplicaAges reads when replicas were created. Where the server does not
// tell, it is not known.
func (o *observation) readReplicaAges(ctx context.Context) error {
	o.ages = map[string]time.Time{}
	_, err := o.client.read(ctx, ageSignal, o.filter("cluster_id"), func(rows pgx.Rows) error {
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
	return err
}

// readCrashes counts, of the last hour, the times that a process of a replica
// went offline with a reason.
func (o *observation) readCrashes(ctx context.Context, condition string) (err error) {
	o.crashes = map[string]crashes{}
	if condition != "" {
		condition += " AND "
	}
	o.crashesUnknown, err = o.client.read(ctx, crashSignal, condition+"occurred_at > now() - INTERVAL '1 hour'", func(rows pgx.Rows) error {
		var id, reason string
		if err := rows.Scan(&id, &reason); err != nil {
			return err
		}
		if reason == "initializing" {
			return nil
		}
		c := o.crashes[id]
		c.all++
		if strings.HasPrefix(reason, "oom") {
			c.oom++
		}
		o.crashes[id] = c
		return nil
	})
	return err
}

// finish puts together what is known of a replica. It is online when all processes of its size are, and have been for
// some time: right after a start, what is said about hydration may be from before.
func (o *observation) finish(c *engine.ClusterState, r replica, processes map[string]int64) engine.Replica {
	out, s := r.Replica, o.statuses[r.ID]
	out.Online = s.online > 0 && s.online == s.processes && s.online >= processes[r.Size]
	out.CrashCount, out.OOMCount = o.crashes[r.ID].all, o.crashes[r.ID].oom
	if created, ok := o.ages[r.ID]; ok {
		out.CreatedAt = at(&created)
	}
	o.hydrate(c, &out)
	if !out.Online || s.since == nil {
		return out
	}
	if settled := s.since.Add(o.client.cfg.Lag); settled.After(o.now) {
		out.Online = false
		if c.SettledAt == nil || settled.Before(c.SettledAt.Time) {
			c.SettledAt = at(&settled)
		}
	}
	return out
}
