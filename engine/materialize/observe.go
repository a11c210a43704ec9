package materialize

import (
	"context"
	"maps"
	"slices"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/mirror"
)

// Observe takes a picture, and asks the server nothing. What was done to the clusters by this client is in it.
func (c *Client) Observe(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error) {
	v, err := c.world.see(ctx, clusterIDs...)
	if err != nil {
		return engine.Snapshot{}, err
	}
	o := c.observation(v, clusterIDs)
	if err := o.readHistory(ctx, glance); err != nil {
		return engine.Snapshot{}, err
	}
	return o.snapshot(), nil
}

// Reread is Observe with the rows of strategies as they are now. A cluster that was made a moment ago, or of which others have told that
// something was done to it, is shown as it is then.
func (c *Client) Reread(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error) {
	o, err := c.reread(ctx, clusterIDs)
	if err != nil {
		return engine.Snapshot{}, err
	}
	if err := o.readHistory(ctx, ask); err != nil {
		return engine.Snapshot{}, err
	}
	return o.snapshot(), nil
}

// Inspect is Reread for people, who wait for nothing that only decisions need. They are shown what was known last where it is not known how things are now.
func (c *Client) Inspect(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error) {
	if v, why := c.world.old(); why != nil && v != nil {
		o := c.observation(v, clusterIDs)
		if err := o.readHistory(ctx, glance); err != nil {
			return engine.Snapshot{}, err
		}
		s := o.snapshot()
		s.Stale = "how the clusters are now is not known: " + why.Error()
		return s, nil
	}
	o, err := c.reread(ctx, clusterIDs)
	if err != nil {
		return engine.Snapshot{}, err
	}
	if err := o.readHistory(ctx, show); err != nil {
		return engine.Snapshot{}, err
	}
	s := o.snapshot()
	return s, c.readAlterations(ctx, &s)
}

// Foresee is Inspect for strategies that are not stored yet: activity is read as far back as there is any.
func (c *Client) Foresee(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error) {
	o, err := c.reread(ctx, clusterIDs)
	if err != nil {
		return engine.Snapshot{}, err
	}
	o.ahead = true
	if err := o.readHistory(ctx, ask); err != nil {
		return engine.Snapshot{}, err
	}
	return o.snapshot(), nil
}

// reread makes an observation with the rows as they are now.
func (c *Client) reread(ctx context.Context, ids []string) (*observation, error) {
	c.world.run()
	upTo, untouched := c.world.untouched()
	owed := c.world.debts(ids)
	rows, at, err := c.readRows(ctx, ids)
	if isMissing(err) && c.mend(ctx, err) {
		rows, at, err = c.readRows(ctx, ids)
	}
	if err == nil && at == 0 && (!untouched || len(owed) > 0) {
		at, err = c.serverNow(ctx)
	}
	if err != nil {
		return nil, err
	}
	c.world.pay(owed, at)
	from, err := c.strange(ctx, ids)
	if err != nil {
		return nil, err
	}
	if !untouched {
		from = max(from, at)
	}
	v, err := c.world.seeFrom(ctx, from, ids...)
	if err != nil {
		return nil, err
	}
	if !untouched {
		c.world.shows(upTo)
	}
	o := c.observation(v, ids)
	o.override(rows)
	return o, nil
}

// observation is a snapshot in the making.
type observation struct {
	client *Client
	*view
	named []string  // ids of clusters; none: all that are concerned
	since time.Time // of the last look: what was read before does not count
	ahead bool      // also what strategies may ask for that are not stored yet

	rows map[string][]engine.StrategyRow // by cluster id
	// What is not in the picture, and was read some time ago.
	history   map[string]used      // what statement history tells, by cluster id
	postponed map[string]time.Time // when the history is read again, of clusters for which it should be now
	unread    string               // why the history cannot be read
	past      *past
}

func (c *Client) observation(v *view, named []string) *observation {
	o := &observation{client: c, view: v, named: named, rows: map[string][]engine.StrategyRow{}}
	take := func(id string, cluster *mirror.Cluster) {
		if cluster != nil && len(cluster.Strategies) > 0 {
			o.rows[id] = cluster.Strategies
		}
	}
	for _, clusters := range []map[string]*mirror.Cluster{v.Clusters, v.Strangers} {
		if len(named) == 0 {
			for id, cluster := range clusters {
				take(id, cluster)
			}
			continue
		}
		for _, id := range append(slices.Clone(named), engine.AllClusters) {
			take(id, clusters[id])
		}
	}
	o.date()
	return o
}

// override takes rows that were read just now in the place of those of the picture.
func (o *observation) override(rows map[string][]engine.StrategyRow) {
	o.rows = rows
	if len(o.named) > 0 {
		maps.DeleteFunc(o.rows, func(id string, _ []engine.StrategyRow) bool {
			return id != engine.AllClusters && !slices.Contains(o.named, id)
		})
	}
	o.date()
}

// date gives rows of a table without a time the time at which they were first seen.
func (o *observation) date() {
	if o.undated {
		o.rows = o.client.firstSeen.date(o.rows, o.now)
	}
}

// snapshot puts together what is known.
func (o *observation) snapshot() engine.Snapshot {
	s := engine.Snapshot{Now: engine.At(o.now), At: engine.At(o.Time()), Limits: o.limits, NoAutoScaling: o.version.noAutoScaling(), EnableExperimental: o.client.cfg.EnableExperimental, Undated: o.undated, Rate: o.client.tuned().Rate}
	s.Sizes, s.Withheld = o.sizes()
	s.Limits.CreditsInUse = o.InUse()
	s.Pauses, s.Strays = o.pauses(), o.strays()
	o.past = o.client.reader.past()
	uses := o.uses()
	processes := map[string]int64{}
	for _, size := range o.Sizes {
		processes[size.Name] = size.Processes
	}
	for _, id := range o.concerned() {
		c := o.state(o.Clusters[id], processes)
		uses.tell(&c)
		s.Clusters = append(s.Clusters, c)
	}
	return s
}

// state is a cluster as a decision sees it.
func (o *observation) state(m *mirror.Cluster, processes map[string]int64) engine.ClusterState {
	c := m.ClusterState
	c.Control = c.Name == o.client.cfg.ControlCluster
	c.Strategies = o.rows[c.ID]
	c.CrashesUnknown = o.past.crashesUnknown
	o.client.resizes.tell(&c, o.client.clock.there)
	c.Replicas = slices.Clone(c.Replicas)
	c.State = maps.Clone(c.State)
	c.RecentActions, c.Failures = recentActions(m.Actions, o.now, o.client.tuned().Rate.Within)
	for i := range c.Replicas {
		o.finish(&c, &c.Replicas[i], m.Statuses[i], processes)
	}
	return c
}

// finish puts in what is known of a replica. It is online when all processes of its size are, and have been for
// some time: right after a start, what is said about hydration may be from before.
func (o *observation) finish(c *engine.ClusterState, r *engine.Replica, s mirror.Status, processes map[string]int64) {
	r.Online = s.Online > 0 && s.Online == s.Processes && s.Online >= processes[r.Size]
	r.CrashCount, r.OOMCount = o.past.crashesOf(r.ID, o.now)
	if s.Born != 0 {
		r.CreatedAt = at(time.UnixMilli(int64(s.Born)))
	} else if created, ok := o.past.ages[r.ID]; ok {
		r.CreatedAt = at(created)
	}
	if !r.Online || s.Since == nil {
		return
	}
	if settled := s.Since.Add(o.client.cfg.Lag); settled.After(o.now) {
		r.Online = false
		if c.SettledAt == nil || settled.Before(c.SettledAt.Time) {
			c.SettledAt = at(settled)
		}
	}
}

func at(t time.Time) *engine.Timestamp {
	ts := engine.At(t.UTC())
	return &ts
}

// pauses are the rows that pause all clusters.
func (o *observation) pauses() []engine.StrategyRow {
	return slices.DeleteFunc(slices.Clone(o.rows[engine.AllClusters]), func(r engine.StrategyRow) bool { return r.Type != engine.PauseType })
}

// strays are the rows of clusters that do not exist.
func (o *observation) strays() []engine.Stray {
	var strays []engine.Stray
	for _, id := range slices.Sorted(maps.Keys(o.rows)) {
		if o.Clusters[id] != nil {
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

// concerned are the ids of the clusters that the snapshot is about, sorted: those that were named, or those that have to do with strategies.
func (o *observation) concerned() []string {
	ids := slices.Clone(o.named)
	if len(ids) == 0 {
		for id, c := range o.Clusters {
			if len(o.rows[id]) > 0 || len(c.Memory.Replicas)+len(c.Memory.Created) > 0 || c.Memory.Burst != nil || engine.Keeps(c.State) {
				ids = append(ids, id)
			}
		}
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return o.Clusters[id] == nil })
	slices.Sort(ids)
	return slices.Compact(ids)
}

// failuresFor is how long statements that failed are told of.
const failuresFor = time.Hour

// recentActions counts the actions that were executed within some time, whoever took them, and finds the statements that keep failing: that were not
// executed since they failed. What has failed is tried again with a backoff of its own, so it does not count. Rows that are dated in the
// future are nobody's.
func recentActions(actions []mirror.Action, now time.Time, within time.Duration) (executed int64, failing []engine.Failure) {
	failures, succeeded := map[string]*engine.Failure{}, map[string]time.Time{}
	for _, a := range actions {
		if a.Executed == nil || a.At == nil || a.At.Before(now.Add(-failuresFor)) || a.At.After(now.Add(time.Minute)) {
			continue
		}
		if *a.Executed {
			if a.At.After(now.Add(-within)) {
				executed++
			}
			if a.At.After(succeeded[a.SQL]) {
				succeeded[a.SQL] = *a.At
			}
			continue
		}
		f := failures[a.SQL]
		if f == nil {
			f = &engine.Failure{SQL: a.SQL}
			failures[a.SQL] = f
		}
		f.Times++
		if !a.At.Before(f.Last.Time) {
			f.Last, f.Error, f.Code = engine.At(*a.At), a.Error, a.Code
		}
	}
	for _, sql := range slices.Sorted(maps.Keys(failures)) {
		if !failures[sql].Last.Before(succeeded[sql]) {
			failing = append(failing, *failures[sql])
		}
	}
	return executed, failing
}
