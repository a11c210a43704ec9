package materialize

import (
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
	f, err := c.loadFacts(ctx)
	if err != nil {
		return engine.Snapshot{}, err
	}
	o := &observation{client: c, named: clusterIDs}
	var reads errgroup.Group
	for _, read := range []func(context.Context) error{
		o.readStrategiesAndHistory, o.readState, o.readRecentActions,
		o.readClusters, o.readReplicas, o.readReplicaAges, o.readCrashes, o.readHydration, o.readObjects, o.readSubscriptions,
	} {
		reads.Go(func() error { return read(ctx) })
	}
	if err := reads.Wait(); err != nil {
		return engine.Snapshot{}, err
	}
	return o.snapshot(f), nil
}

// observation is a snapshot in the making. Each field is written by one read.
type observation struct {
	client *Client
	named  []string // ids of clusters; none: all that are concerned

	rows     map[string][]engine.StrategyRow // by cluster id, as all that follow
	memories map[string]engine.ClusterMemory
	recent   map[string]int64 // actions of the last minutes
	clusters []engine.ClusterState
	now      time.Time
	replicas map[string][]replica
	ages     map[string]time.Time // by replica id, as crashes and hydrated
	crashes  map[string]crashes
	hydrated map[string]hydration
	objects  map[string]engine.Obligations

	used       map[string]time.Time // the end of the last statement
	running    map[string]bool      // a statement is running
	subscribed map[string]bool      // a SUBSCRIBE is running
	unread     string               // why the history could not be read
}

// filter restricts a column to the clusters named, where their list is short enough, or to those
// of users.
func (o *observation) filter(column string) string {
	if len(o.named) == 0 || len(o.named) > longList {
		return column + " LIKE 'u%'"
	}
	return column + " IN " + in(o.named)
}

func (o *observation) readStrategiesAndHistory(ctx context.Context) error {
	if err := o.readStrategies(ctx); err != nil {
		return err
	}
	return o.readHistory(ctx)
}

func (o *observation) readStrategies(ctx context.Context) error {
	o.rows = map[string][]engine.StrategyRow{}
	where := ""
	if len(o.named) > 0 && len(o.named) <= longList {
		where = " WHERE cluster_id IN " + in(o.named)
	}
	err := o.client.query(ctx, "read strategies",
		"SELECT cluster_id, strategy_type, config::text, updated_at FROM "+o.client.table(strategiesTable)+where,
		func(rows pgx.Rows) error {
			var id, kind, config string
			var updated *time.Time
			if err := rows.Scan(&id, &kind, &config, &updated); err != nil {
				return err
			}
			o.rows[id] = append(o.rows[id], engine.StrategyRow{Type: kind, Config: json.RawMessage(config), UpdatedAt: at(updated)})
			return nil
		})
	for _, rows := range o.rows { // the table has no order; a plan needs one
		slices.SortFunc(rows, func(a, b engine.StrategyRow) int {
			return strings.Compare(a.Type+"\x00"+string(a.Config), b.Type+"\x00"+string(b.Config))
		})
	}
	return err
}

func at(t *time.Time) *engine.Timestamp {
	if t == nil {
		return nil
	}
	ts := engine.At(t.UTC())
	return &ts
}

// readClusters reads all clusters, and the time.
func (o *observation) readClusters(ctx context.Context) error {
	return o.client.query(ctx, "read clusters", "SELECT id, name, coalesce(managed, false), now() FROM mz_catalog.mz_clusters",
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
	s := engine.Snapshot{Now: engine.At(o.now.UTC()), Sizes: f.sizes, Limits: f.limits, EnableExperimental: o.client.cfg.EnableExperimental}
	costs := map[string]float64{}
	processes := map[string]int64{}
	for _, size := range f.sizes {
		costs[size.Name], processes[size.Name] = size.CreditsPerHour, size.Processes
	}
	for _, replicas := range o.replicas {
		for _, r := range replicas {
			s.Limits.CreditsInUse += costs[r.Size]
		}
	}
	o.client.clock.note(time.Now(), o.now)
	s.Strays = o.strays()
	uses := o.uses(f)
	concerned := o.concerned()
	for _, c := range o.clusters {
		if !concerned[c.ID] {
			continue
		}
		memory := o.memories[c.ID]
		c.Control = c.Name == o.client.cfg.ControlCluster
		c.Strategies, c.RecentActions = o.rows[c.ID], o.recent[c.ID]
		c.CreatedBy = memory.Created
		if c.State = memory.Strategies; c.State == nil {
			c.State = map[string]json.RawMessage{}
		}
		c.Obligations = o.objects[c.ID]
		n := c.Obligations.Sinks + c.Obligations.Sources + c.Obligations.MaterializedViews + c.Obligations.Indexes
		c.Objects = &n
		for _, r := range o.replicas[c.ID] {
			c.Replicas = append(c.Replicas, o.finish(&c, r, processes))
		}
		uses.tell(&c)
		s.Clusters = append(s.Clusters, c)
	}
	slices.SortFunc(s.Clusters, func(a, b engine.ClusterState) int { return strings.Compare(a.ID, b.ID) })
	return s
}

// strays are the rows of clusters that do not exist.
func (o *observation) strays() []engine.Stray {
	var strays []engine.Stray
	for _, id := range slices.Sorted(maps.Keys(o.rows)) {
		if slices.ContainsFunc(o.clusters, func(c engine.ClusterState) bool { return c.ID == id }) {
			continue
		}
		for _, row := range o.rows[id] {
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
		if len(m.Created) > 0 {
			ids[id] = true
		}
	}
	return ids
}
