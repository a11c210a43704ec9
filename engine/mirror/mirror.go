package mirror

import (
	"maps"
	"slices"
)

// Source is one of the two subscriptions.
type Source int

// The subscriptions: to the catalog, and to our own tables.
const (
	FromCatalog Source = iota
	FromTables
	sources
)

// Mirror takes in what two subscriptions tell and makes pictures of it. It is not safe for concurrent use; its pictures are values.
type Mirror struct {
	store
	feeds   [sources]feed
	unknown map[string]string // by signal: why the server does not tell

	homes   map[string]string    // clusters of replicas, by the ids of both
	born    map[string]Timestamp // when replicas came that were not there at the beginning
	changes Changes              // since the last picture
	picture *Picture
}

// Changes is what differs between two pictures.
type Changes struct {
	// Clusters are the ids of clusters of which something has changed; the value tells whether rows of strategies have.
	Clusters map[string]bool
	// All is set where something changed that concerns every cluster.
	All bool

	roles, sizes, tables, lease bool
}

// New makes a mirror for two subscriptions that have not told anything yet. unknown says of signals why the server does not tell them.
func New(catalog, tables []Relation, unknown map[string]string) *Mirror {
	return &Mirror{store: newStore(slices.Concat(catalog, tables)), unknown: unknown, homes: map[string]string{}, born: map[string]Timestamp{}}
}

// Take takes in a line of a subscription. If it moves the frontier there is a new picture, and changes tells what is new in it; else it is nil. After an
// error, which says that the subscription contradicts itself, the mirror is of no use any more.
func (m *Mirror) Take(from Source, l Line) (changes *Changes, err error) {
	if !m.feeds[from].take(l) {
		return nil, nil
	}
	frontier := min(m.feeds[FromCatalog].frontier, m.feeds[FromTables].frontier)
	if m.picture != nil && frontier-1 <= m.picture.At {
		return nil, nil
	}
	for i := range m.feeds {
		if !m.feeds[i].complete(frontier) {
			return nil, nil
		}
	}
	for i := range m.feeds {
		if err := m.apply(m.feeds[i].before(frontier)); err != nil {
			return nil, err
		}
	}
	m.draw(frontier - 1)
	drawn := m.changes
	m.changes = Changes{}
	return &drawn, nil
}

// Picture is the latest one; nil: there is none yet. It does not change any more.
func (m *Mirror) Picture() *Picture { return m.picture }

// apply brings rows to where a frontier is: of what came and went meanwhile only the sum counts.
func (m *Mirror) apply(lines []Line) error {
	type id struct{ tag, row string }
	sums := make(map[id]int64, len(lines))
	came := map[string]Timestamp{}
	for _, l := range lines {
		sums[id{l.tag, l.row}] += l.diff
		if l.tag == tagReplica && l.diff > 0 {
			came[column(l.row, 0)] = l.At
		}
	}
	for row, n := range sums {
		key, err := m.keyOf(row.tag, row.row)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		if err := m.change(row.tag, key, row.row, n); err != nil {
			return err
		}
		m.touch(row.tag, key, row.row, n, came)
	}
	return nil
}

// touch notes what a row that came or went concerns.
func (m *Mirror) touch(tag, key, row string, n int64, came map[string]Timestamp) {
	switch tag {
	case tagReplica:
		m.touchReplica(key, column(row, 0), n, came)
	case tagStatus, tagHydration:
		if home, ok := m.homes[key]; ok {
			m.concerns(home, false)
		}
	case tagStrategy:
		m.concerns(key, true)
	case tagRole, tagMember:
		m.changes.roles, m.changes.All = true, true
	case tagSize:
		m.changes.sizes, m.changes.All = true, true
	case tagDatabase, tagSchema, tagTable:
		m.changes.tables, m.changes.All = true, true
	case tagLease:
		m.changes.lease = true
	default:
		m.concerns(key, false)
	}
}

// touchReplica notes to which cluster a replica belongs. A row of it that goes, and another one that comes, may be seen in any order.
func (m *Mirror) touchReplica(cluster, replica string, n int64, came map[string]Timestamp) {
	m.concerns(cluster, false)
	there := slices.ContainsFunc(m.rows[tagReplica][cluster], func(row string) bool { return column(row, 0) == replica })
	if !there {
		if m.homes[replica] == cluster {
			delete(m.homes, replica)
			delete(m.born, replica)
		}
		return
	}
	_, known := m.homes[replica]
	m.homes[replica] = cluster
	if n > 0 && !known && m.picture != nil {
		m.born[replica] = came[replica]
	}
}

// concerns notes that something of a cluster has changed.
func (m *Mirror) concerns(id string, strategies bool) {
	if m.changes.Clusters == nil {
		m.changes.Clusters = map[string]bool{}
	}
	m.changes.Clusters[id] = m.changes.Clusters[id] || strategies
}

// draw makes the picture of a timestamp out of the one before: only what has changed is made anew.
func (m *Mirror) draw(at Timestamp) {
	next := Picture{Clusters: map[string]*Cluster{}, Strangers: map[string]*Cluster{}, inUse: map[string]int64{}, Unknown: m.unknown}
	if m.picture == nil {
		m.changes = Changes{Clusters: m.changes.Clusters, All: true, roles: true, sizes: true, tables: true, lease: true}
	} else {
		next = *m.picture
	}
	next.At = at
	if len(m.changes.Clusters) > 0 {
		next.Clusters, next.Strangers, next.inUse = maps.Clone(next.Clusters), maps.Clone(next.Strangers), maps.Clone(next.inUse)
	}
	for id := range m.changes.Clusters {
		m.redraw(&next, id)
	}
	if m.changes.sizes {
		next.Sizes = m.sizes()
	}
	if m.changes.roles {
		next.Roles = m.roles()
	}
	if m.changes.tables {
		next.Tables = m.tables()
	}
	if m.changes.lease {
		next.Lease = m.lease()
	}
	m.picture = &next
}

// redraw replaces one cluster of a picture.
func (m *Mirror) redraw(p *Picture, id string) {
	p.count(p.Clusters[id], -1)
	c := m.cluster(id)
	delete(p.Clusters, id)
	delete(p.Strangers, id)
	switch {
	case m.has(tagCluster, id):
		p.Clusters[id] = c
		p.count(c, 1)
	case len(c.Strategies)+len(c.Actions) > 0 || m.has(tagState, id):
		p.Strangers[id] = c
	}
}
