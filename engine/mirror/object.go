package mirror

import (
	"slices"
	"strings"

	"mzproxy/engine"
)

// object is something that a cluster maintains: an index that users made, a materialized view, a source or a sink. A cluster without objects has
// nothing to hydrate.
type object struct{ id, name, kind string }

// The kinds of objects that are no types of sources, and types of sources.
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

// The signals that tell of objects, in the order in which they are told of.
var objectSignals = []string{"indexes", "materialized views", "sources", "sinks"}

// readObjects reads what a cluster maintains, and how far its replicas are with it.
func (m *Mirror) readObjects(c *Cluster) {
	objects := m.objects(c.ID)
	for _, signal := range objectSignals {
		if c.Obligations.Unknown == "" {
			c.Obligations.Unknown = m.unknown[signal]
		}
	}
	for _, x := range objects {
		switch x.kind {
		case anIndex:
			c.Obligations.Indexes++
		case aMaterializedView:
			c.Obligations.MaterializedViews++
		case aSink:
			c.Obligations.Sinks++
		default:
			c.Obligations.Sources++
		}
	}
	if c.Obligations.Unknown == "" {
		n := int64(len(objects))
		c.Objects = &n
	}
	h := hydration{m, c, map[string]map[string]bool{}}
	for _, r := range c.Replicas {
		h.read(r.ID)
	}
	if c.Obligations.Unknown == "" && m.unknown["hydration"] == "" {
		for i := range c.Replicas {
			h.fill(objects, &c.Replicas[i])
		}
	}
	c.Pinned = h.pinned(objects)
}

// objects lists what a cluster maintains.
func (m *Mirror) objects(cluster string) []object {
	var list []object
	for _, relation := range []struct{ tag, kind string }{{tagIndex, anIndex}, {tagView, aMaterializedView}, {tagSource, ""}, {tagSink, aSink}} {
		m.each(relation.tag, cluster, func(f fields) {
			x := object{f.text(0), f.text(2), relation.kind}
			if x.kind == "" {
				x.kind = f.text(3)
			}
			switch x.kind {
			case typeSubsource, typeProgress, typeWebhook, typeLog: // no dataflows of their own
				return
			}
			list = append(list, x)
		})
	}
	return list
}

// hydration is what is reported of the objects of a cluster: by replica, and whether they are hydrated. A row that is missing means not hydrated: it may
// come long after the replica.
type hydration struct {
	*Mirror
	cluster *Cluster
	reports map[string]map[string]bool
}

func (h hydration) read(replica string) {
	reports := map[string]bool{}
	h.each(tagHydration, replica, func(f fields) { reports[f.text(0)] = f.truth(2) })
	h.reports[replica] = reports
}

// home is the replica on which a source runs that runs on one alone: the one that reports it, or else the oldest; nil: there is none.
func (h hydration) home(x object) *engine.Replica {
	reporting := engine.ClusterState{}
	for _, r := range h.cluster.Replicas {
		if _, reported := h.reports[r.ID][x.id]; reported {
			reporting.Replicas = append(reporting.Replicas, r)
		}
	}
	if home := reporting.Oldest(); home != nil {
		return home
	}
	return h.cluster.Oldest()
}

// pinned tells of the sources that run on one replica alone on which one that is.
func (h hydration) pinned(objects []object) []engine.PinnedSource {
	var list []engine.PinnedSource
	for _, x := range objects {
		if !x.pinned() {
			continue
		}
		s := engine.PinnedSource{Name: x.name}
		if home := h.home(x); home != nil {
			s.Replica = home.Name
		}
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b engine.PinnedSource) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// fill fills in how far a replica is with what can run on it. Nothing is said about sinks, which count as hydrated.
func (h hydration) fill(objects []object, r *engine.Replica) {
	var all, done, awaited int64
	for _, x := range objects {
		if x.pinned() {
			if home := h.home(x); home == nil || home.ID != r.ID {
				continue
			}
		}
		all++
		switch {
		case x.kind == aSink || h.reports[r.ID][x.id]:
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
