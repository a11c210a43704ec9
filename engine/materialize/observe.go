package materialize

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"mzproxy/engine"
)

// From so many named clusters on, all are read and those that were not named
// are left out here: the list would make the statement longer than requests may be.
const longList = 500

// Observe reads clusters in a constant number of queries, side by side. Activity that cannot
// be read is unknown; anything else that cannot be read is an error, for
// nothing may be decided without it.
func (c *Client) Observe(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error) {
	return c.observe(ctx, &observation{client: c, named: clusterIDs})
}

// Foresee is Observe for strategies that are not stored yet: activity is read as far back as there is any.
func (c *Client) Foresee(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error) {
	return c.observe(ctx, &observation{client: c, named: clusterIDs, ahead: true})
}

// Inspect is Observe for people: activity is as fresh as it can be had, also where it changes no decision.
func (c *Client) Inspect(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error) {
	return c.observe(ctx, &observation{client: c, named: clusterIDs, people: true})
}

func (c *Client) observe(ctx context.Context, o *observation) (engine.Snapshot, error) {
	f, err := c.loadFacts(ctx)
	if err != nil {
		return engine.Snapshot{}, err
	}
	if err = o.read(ctx); isMissing(err) && !isColumn(err) { // somebody has dropped a table of ours
		if err := c.EnsureTables(ctx); err != nil {
			return engine.Snapshot{}, err
		}
		c.cfg.Logger.Warn("a table of the proxy's was missing; it is made again")
		o = &observation{client: c, named: o.named, ahead: o.ahead, people: o.people}
		err = o.read(ctx)
	}
	if err != nil {
		return engine.Snapshot{}, err
	}
	return o.snapshot(f), nil
}

func (o *observation) read(ctx context.Context) error {
	if err := side(ctx, o.readStrategies, o.readState, o.readRecentActions,
		o.readClusters, o.readReplicas, o.readReplicaAges, o.readObjects, o.readSubscriptions, o.readLogging); err != nil {
		return err
	}
	return o.readHistory(ctx)
}

// observation is a snapshot in the making. Each field is written by one read.
type observation struct {
	client *Client
	named  []string // ids of clusters; none: all that are concerned
	again  bool     // only what may have changed since a moment ago
	ahead  bool     // also what strategies may ask for that are not stored yet
	people bool     // for people, to whom activity is shown

	rows     map[string][]engine.StrategyRow // by cluster id, as all that follow
	undated  bool                            // the table has no column updated_at
	memories map[string]memory
	faults   map[string]string // what is wrong with the stored state
	recent   map[string]*recentActions
	clusters []engine.ClusterState
	now      time.Time
	replicas map[string][]replica
	ages     map[string]time.Time // by replica id, as crashes and hydrated
	crashes  map[string]crashes
	statuses map[string]said            // by replica id
	hydrated map[string]map[string]bool // objects by replica: reported, and whether hydrated
	objects  map[string][]object

	// Why these are not known; empty: they are.
	crashesUnknown, hydrationUnknown, objectsUnknown, subscriptionsUnknown string

	history    map[string]used      // what statement history tells
	postponed  map[string]time.Time // when the history is read again, of clusters for which it should be now
	unread     string               // why the history cannot be read
	subscribed map[string]bool      // a SUBSCRIBE is running
	loggingOff string               // why it cannot be trusted; empty: it can
}

// filter restricts a column to the clusters named, where their list is short enough, or to those
// of users.
func (o *observation) filter(column string) string {
	if len(o.named) == 0 || len(o.named) > longList {
		return column + " LIKE 'u%'"
	}
	return column + " IN " + in(o.named)
}

func (o *observation) readStrategies(ctx context.Context) error {
	err := o.readStrategyRows(ctx, "updated_at::text")
	if isMissing(err) && strings.Contains(err.Error(), `column "updated_at"`) {
		o.undated = true
		err = o.readStrategyRows(ctx, "NULL::text")
		o.client.firstSeen.date(o.rows, o.client.clock.there(time.Now()))
	}
	return err
}

func (o *observation) readStrategyRows(ctx context.Context, updated string) error {
	o.rows = map[string][]engine.StrategyRow{}
	where := ""
	if len(o.named) > 0 && len(o.named) <= longList {
		where = " WHERE cluster_id IN " + in(append(slices.Clone(o.named), engine.AllClusters))
	}
	err := o.client.query(ctx, "read strategies",
		"SELECT cluster_id, strategy_type, config::text, "+updated+" FROM "+o.client.table(strategiesTable)+where,
		func(rows pgx.Rows) error {
			var id, kind, config, updated *string
			if err := rows.Scan(&id, &kind, &config, &updated); err != nil {
				return err
			}
			o.rows[orEmpty(id)] = append(o.rows[orEmpty(id)], strategyRow(id, kind, config, updated))
			return nil
		})
	for _, rows := range o.rows { // the table has no order; a plan needs one
		slices.SortFunc(rows, func(a, b engine.StrategyRow) int {
			return cmp.Or(strings.Compare(a.Type, b.Type), bytes.Compare(a.Config, b.Config))
		})
	}
	return err
}

// strategyRow reads a row that anybody may have written. What cannot be read is its fault, and nobody else's.
func strategyRow(id, kind, config, updated *string) engine.StrategyRow {
	row := engine.StrategyRow{Type: orEmpty(kind), Config: json.RawMessage(orEmpty(config))}
	for _, column := range []struct {
		name  string
		value *string
	}{{"cluster_id", id}, {"strategy_type", kind}, {"config", config}} {
		if column.value == nil {
			row.Fault = column.name + " is null"
			return row
		}
	}
	if updated == nil {
		return row
	}
	t, err := parseMoment(*updated)
	if err != nil {
		row.Fault = "updated_at is " + err.Error()
		return row
	}
	row.UpdatedAt = &t
	return row
}

func at(t *time.Time) *engine.Timestamp {
	if t == nil {
		return nil
	}
	ts := engine.At(t.UTC())
	return &ts
}

// readClusters reads the clusters, and the time.
func (o *observation) readClusters(ctx context.Context) error {
	where := ""
	if o.again {
		where = " WHERE " + o.filter("id")
	}
	return o.client.query(ctx, "read clusters", "SELECT id, name, coalesce(managed, false), now() FROM mz_catalog.mz_clusters"+where,
		func(rows pgx.Rows) error {
			var c engine.ClusterState
			if err := rows.Scan(&c.ID, &c.Name, &c.Managed, &o.now); err != nil {
				return err
			}
			o.clusters = append(o.clusters, c)
			return nil
		})
}

// snapshot puts together what was read.
func (o *observation) snapshot(f facts) engine.Snapshot {
	s := engine.Snapshot{Now: engine.At(o.now.UTC()), Sizes: f.sizes, Withheld: f.withheld, Limits: f.limits, EnableExperimental: o.client.cfg.EnableExperimental}
	costs := map[string]float64{}
	for _, size := range slices.Concat(f.sizes, f.withheld) {
		costs[size.Name] = size.CreditsPerHour
	}
	for _, replicas := range o.replicas {
		for _, r := range replicas {
			s.Limits.CreditsInUse += costs[r.Size]
		}
	}
	o.client.clock.note(time.Now(), o.now)
	s.Undated, s.Rate = o.undated, o.client.tuned().Rate
	s.Pauses, s.Strays = o.pauses(), o.strays()
	uses := o.uses()
	processes := processesOf(s)
	concerned := o.concerned()
	for _, c := range o.clusters {
		if !concerned[c.ID] {
			continue
		}
		memory := o.memories[c.ID]
		c.Control, c.Native = c.Name == o.client.cfg.ControlCluster, f.native[c.ID]
		c.Counted, c.Recorded, c.StateFault, c.CrashesUnknown = true, true, o.faults[c.ID], o.crashesUnknown
		if r := o.recent[c.ID]; r != nil {
			c.RecentActions, c.Failures = r.executed, r.failing()
		}
		if c.State = memory.Strategies; c.State == nil {
			c.State = map[string]json.RawMessage{}
		}
		o.fill(&c, processes)
		c.CreatedBy = memory.createdBy(c.Replicas)
		uses.tell(&c)
		s.Clusters = append(s.Clusters, c)
	}
	slices.SortFunc(s.Clusters, func(a, b engine.ClusterState) int { return strings.Compare(a.ID, b.ID) })
	return s
}

// processesOf tells how many processes a replica of a size has.
func processesOf(s engine.Snapshot) map[string]int64 {
	processes := map[string]int64{}
	for _, size := range slices.Concat(s.Sizes, s.Withheld) {
		processes[size.Name] = size.Processes
	}
	return processes
}

// fill puts in what is read at a second look, too.
func (o *observation) fill(c *engine.ClusterState, processes map[string]int64) {
	c.Strategies, c.Obligations = o.rows[c.ID], o.obligations(c.ID)
	c.Objects = nil
	if o.objectsUnknown == "" {
		n := int64(len(o.objects[c.ID]))
		c.Objects = &n
	}
	for _, r := range o.replicas[c.ID] {
		c.Replicas = append(c.Replicas, r.Replica)
	}
	for i, r := range o.replicas[c.ID] {
		c.Replicas[i] = o.finish(c, r, processes)
	}
	c.Pinned = o.pinnedSources(c)
}

// Recheck observes the cluster of a snapshot again, in half the queries: without activity and history.
func (c *Client) Recheck(ctx context.Context, seen engine.Snapshot) (engine.Snapshot, error) {
	before := seen.Clusters[0]
	o := &observation{client: c, named: []string{before.ID}, again: true}
	if err := side(ctx, o.readStrategies, o.readClusters, o.readReplicas, o.readObjects); err != nil {
		return engine.Snapshot{}, err
	}
	if len(o.clusters) == 0 {
		seen.Clusters = nil
		return seen, nil
	}
	now := before
	now.Name, now.Managed, now.Replicas, now.SettledAt = o.clusters[0].Name, o.clusters[0].Managed, nil, nil
	o.fill(&now, processesOf(seen))
	for i, r := range now.Replicas {
		if old := before.Replica(r.Name); old != nil && old.ID == r.ID {
			now.Replicas[i].CrashCount, now.Replicas[i].OOMCount, now.Replicas[i].CreatedAt = old.CrashCount, old.OOMCount, old.CreatedAt
		}
	}
	seen.Pauses = o.pauses()
	seen.Now, seen.Clusters = engine.At(o.now.UTC()), []engine.ClusterState{now}
	return seen, nil
}

// side reads side by side.
func side(ctx context.Context, reads ...func(context.Context) error) error {
	var group errgroup.Group
	for _, read := range reads {
		group.Go(func() error { return read(ctx) })
	}
	return group.Wait()
}

// pauses are the rows that pause all clusters.
func (o *observation) pauses() []engine.StrategyRow {
	return slices.DeleteFunc(slices.Clone(o.rows[engine.AllClusters]), func(r engine.StrategyRow) bool { return r.Type != engine.PauseType })
}

// strays are the rows of clusters that do not exist.
func (o *observation) strays() []engine.Stray {
	var strays []engine.Stray
	for _, id := range slices.Sorted(maps.Keys(o.rows)) {
		if slices.ContainsFunc(o.clusters, func(c engine.ClusterState) bool { return c.ID == id }) {
			continue
		}
		for _, row := range o.rows[id] {
			if id == engine.AllClusters && row.Type == engine.PauseType {
				continue
			}
			strays = append(strays, engine.Stray{ClusterID: id, StrategyRow: row})
		}
	}
	return strays
}

// concerned are the clusters that the snapshot is about.
func (o *observation) concerned() map[string]bool {
	ids := map[string]bool{}
	for _, id := range o.named {
		ids[id] = true
	}
	if len(o.named) > 0 {
		return ids
	}
	for id := range o.rows {
		ids[id] = true
	}
	for id, m := range o.memories {
		if len(m.Replicas)+len(m.created) > 0 {
			ids[id] = true
		}
	}
	return ids
}
