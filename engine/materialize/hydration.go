package materialize

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// object is something that a cluster maintains: an index that users made, a materialized view, a source or a sink. The introspection
// indexes that every cluster has are left out (their ids do not begin with "u"): they would call a cluster hydrated whose own objects are
// not known yet, and one without objects never hydrated. A cluster without objects has nothing to hydrate.
type object struct{ id, name, kind string }

// The kinds of objects that are no types of sources.
const (
	anIndex           = "index"
	aMaterializedView = "materialized-view"
	aSink             = "sink"
	typeSubsource     = "subsource"
	typeProgress      = "progress"
	typeWebhook       = "webhook"
	typeLog           = "log"
	typePostgres      = "postgres"
	typeMySQL         = "mysql"
	typeSQLServer     = "sql-server"
)

// pinned tells whether the server runs an object on one replica of its cluster alone, the oldest: the ingestions from databases. Other sources
// run on all replicas, as indexes and materialized views do. Sinks run on one, too, but need no hydration there.
func (x object) pinned() bool {
	return x.kind == typePostgres || x.kind == typeMySQL || x.kind == typeSQLServer
}

// readObjects reads what each cluster maintains.
func (o *observation) readObjects(ctx context.Context) error {
	signals := []signal{indexSignal, viewSignal, sourceSignal, sinkSignal}
	found := make([]map[string][]object, len(signals))
	unknown := make([]string, len(signals))
	var reads []func(context.Context) error
	for i, s := range signals {
		reads = append(reads, func(ctx context.Context) (err error) {
			found[i] = map[string][]object{}
			unknown[i], err = o.client.read(ctx, s, o.filter("cluster_id"), func(rows pgx.Rows) error {
				var cluster string
				var x object
				if err := rows.Scan(&cluster, &x.id, &x.name, &x.kind); err != nil {
					return err
				}
				switch x.kind {
				case typeSubsource, typeProgress, typeWebhook, typeLog: // no dataflows of their own
					return nil
				}
				found[i][cluster] = append(found[i][cluster], x)
				return nil
			})
			return err
		})
	}
	if err := side(ctx, reads...); err != nil {
		return err
	}
	o.objects = map[string][]object{}
	for i := range found {
		for cluster, list := range found[i] {
			o.objects[cluster] = append(o.objects[cluster], list...)
		}
		if o.objectsUnknown == "" {
			o.objectsUnknown = unknown[i]
		}
	}
	return nil
}

// obligations counts what a cluster maintains.
func (o *observation) obligations(cluster string) engine.Obligations {
	of := engine.Obligations{Unknown: o.objectsUnknown}
	for _, x := range o.objects[cluster] {
		switch x.kind {
		case anIndex:
			of.Indexes++
		case aMaterializedView:
			of.MaterializedViews++
		case aSink:
			of.Sinks++
		default:
			of.Sources++
		}
	}
	return of
}

// readHydration reads which objects are reported on which replicas, and whether they are hydrated there. A row that is missing means not
// hydrated: it may come long after the replica. There are rows without a replica, and of replicas that are gone.
func (o *observation) readHydration(ctx context.Context, condition string) (err error) {
	o.hydrated = map[string]map[string]bool{}
	o.hydrationUnknown, err = o.client.read(ctx, hydrationSignal, condition, func(rows pgx.Rows) error {
		var object string
		var replica *string
		var hydrated *bool
		if err := rows.Scan(&object, &replica, &hydrated); err != nil || replica == nil {
			return err
		}
		if o.hydrated[*replica] == nil {
			o.hydrated[*replica] = map[string]bool{}
		}
		o.hydrated[*replica][object] = hydrated != nil && *hydrated
		return nil
	})
	return err
}

// pinnedSources tells of the sources that run on one replica alone on which one that is: the one that reports it, or else the oldest.
func (o *observation) pinnedSources(c *engine.ClusterState) []engine.PinnedSource {
	var list []engine.PinnedSource
	for _, x := range o.objects[c.ID] {
		if !x.pinned() {
			continue
		}
		s := engine.PinnedSource{Name: x.name}
		if home := o.home(c, x); home != nil {
			s.Replica = home.Name
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b engine.PinnedSource) int { return strings.Compare(a.Name, b.Name) })
	return list
}

func (o *observation) home(c *engine.ClusterState, x object) *engine.Replica {
	reporting := engine.ClusterState{}
	for _, r := range c.Replicas {
		if _, reported := o.hydrated[r.ID][x.id]; reported {
			reporting.Replicas = append(reporting.Replicas, r)
		}
	}
	if home := reporting.Oldest(); home != nil {
		return home
	}
	return c.Oldest()
}

// hydrate fills in how far a replica is hydrated with what can run on it. Nothing is said about sinks, which count as hydrated.
func (o *observation) hydrate(c *engine.ClusterState, r *engine.Replica) {
	if o.objectsUnknown != "" || o.hydrationUnknown != "" {
		return
	}
	var all, done, awaited int64
	for _, x := range o.objects[c.ID] {
		if x.pinned() {
			if home := o.home(c, x); home == nil || home.ID != r.ID {
				continue
			}
		}
		all++
		switch {
		case x.kind == aSink || o.hydrated[r.ID][x.id]:
			done++
		case x.pinned():
			awaited++
			r.AwaitsSources = append(r.AwaitsSources, x.name)
		}
	}
	if awaited == 0 || done+awaited < all {
		r.AwaitsSources = nil
	}
	slices.Sort(r.AwaitsSources)
	hydrated := done == all
	r.Hydrated, r.Objects, r.HydratedObjects = &hydrated, &all, &done
}
