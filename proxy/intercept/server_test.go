package intercept_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

// server is what the engine and the interceptor see of a server: everything in memory, on a clock
// that the test moves. It is safe for concurrent use.
type server struct {
	mu       sync.Mutex
	now      time.Time
	clusters []*cluster
	rows     []row
	limit    int64 // of replicas of a cluster
	role     engine.Role
	// controller is the role that runs the DDL; zero: not known.
	controller    engine.Role
	actions       []reconcile.ActionRecord
	changes       []reconcile.ChangeRecord
	executed      []engine.Action // since the test last asked
	away          error           // what every call returns instead
	refuses       error           // what every DDL returns
	hold          chan struct{}   // DDL waits for it to be closed
	observes      int
	noAutoScaling string // why the server has no AUTO SCALING STRATEGY
}

type cluster struct {
	engine.ClusterInfo
	shape    *engine.Shape
	replicas map[string]*engine.Replica
	memory   reconcile.ClusterMemory
}

// row is a row of mz_cluster_strategies.
type row struct {
	cluster string // id, or whatever was stored
	kind    string
	config  string // as jsonb renders it
	updated *time.Time
}

var sizes = []engine.Size{
	{Name: "small", Processes: 1, Workers: 1, CreditsPerHour: 0.25},
	{Name: "medium", Processes: 1, Workers: 2, CreditsPerHour: 1},
	{Name: "large", Processes: 1, Workers: 4, CreditsPerHour: 4},
}

// newServer has the clusters prod (u2), staging (u3) and dev (u4), and three that take no strategies; managed (u5) and scheduled (u6) are managed clusters.
func newServer() *server {
	s := &server{now: time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC), limit: 5, role: engine.Role{ID: "u1", Name: "materialize", Superuser: true}}
	for _, info := range []engine.ClusterInfo{
		{ID: "s1", Name: "mz_system"}, {ID: "u1", Name: "quickstart", Control: true}, {ID: "u2", Name: "prod"},
		{ID: "u3", Name: "staging"}, {ID: "u4", Name: "dev"}, {ID: "u5", Name: "managed", Managed: true}, {ID: "u6", Name: "scheduled", Managed: true, Schedule: "on-refresh"},
	} {
		info.Owner, info.OwnerID = "owners", "u9"
		var shape *engine.Shape
		if info.Managed {
			shape = &engine.Shape{Size: "small", Factor: 1}
		}
		s.clusters = append(s.clusters, &cluster{ClusterInfo: info, shape: shape, replicas: map[string]*engine.Replica{}, memory: reconcile.ClusterMemory{Strategies: map[string]json.RawMessage{}, Replicas: map[string]string{}}})
	}
	return s
}

func (c *cluster) burstBy() string {
	if c.shape == nil {
		return ""
	}
	return c.memory.BurstBy(c.shape.Burst)
}

func (s *server) find(id string) *cluster {
	for _, c := range s.clusters {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Observe implements reconcile.Observer.
func (s *server) Observe(_ context.Context, ids ...string) (engine.Snapshot, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.observes++
	snapshot := engine.Snapshot{Now: engine.At(s.now), Sizes: sizes, EnableExperimental: true, Limits: engine.Limits{MaxReplicasPerCluster: s.limit}, NoAutoScaling: s.noAutoScaling}
	if s.away != nil {
		return snapshot, s.away
	}
	for _, c := range s.clusters {
		objects := int64(3)
		state := engine.ClusterState{ID: c.ID, Name: c.Name, Managed: c.Managed, Control: c.Control, Objects: &objects, Shape: c.shape, Schedule: c.Schedule, BurstBy: c.burstBy(),
			State: maps.Clone(c.memory.Strategies), CreatedBy: map[string]string{}, Recorded: true}
		for _, name := range slices.Sorted(maps.Keys(c.replicas)) {
			state.Replicas = append(state.Replicas, *c.replicas[name])
			if by, ok := c.memory.Replicas[c.replicas[name].ID]; ok {
				state.CreatedBy[name] = by
			}
		}
		for _, r := range s.rows {
			if r.cluster == c.ID {
				state.Strategies = append(state.Strategies, r.strategy())
			}
		}
		state.Failures = s.failures(c.ID)
		sortRows(state.Strategies)
		if len(ids) == 0 && len(state.Strategies)+len(c.memory.Replicas) > 0 || slices.Contains(ids, c.ID) {
			snapshot.Clusters = append(snapshot.Clusters, state)
		}
	}
	for _, r := range s.rows {
		if r.cluster == engine.AllClusters && r.kind == engine.PauseType {
			snapshot.Pauses = append(snapshot.Pauses, r.strategy())
			continue
		}
		if s.find(r.cluster) == nil && (len(ids) == 0 || slices.Contains(ids, r.cluster)) {
			snapshot.Strays = append(snapshot.Strays, engine.Stray{ClusterID: r.cluster, StrategyRow: r.strategy()})
		}
	}
	return snapshot, nil
}

// failures are the statements that have failed. Each is tried again in ten seconds.
func (s *server) failures(id string) []engine.Failure {
	var list []engine.Failure
	for _, a := range s.actions {
		if a.ClusterID != id || a.Executed == nil || *a.Executed {
			continue
		}
		next := engine.At(s.now.Add(10 * time.Second))
		list = append(list, engine.Failure{SQL: a.SQL, Error: a.Error, Code: a.Context.SQLState, Times: 3, Last: engine.At(a.CreatedAt), Next: &next})
	}
	return list
}

func (r row) strategy() engine.StrategyRow {
	out := engine.StrategyRow{Type: r.kind, Config: json.RawMessage(r.config)}
	if r.updated != nil {
		at := engine.At(*r.updated)
		out.UpdatedAt = &at
	}
	return out
}

// sortRows is the order that the real observer gives them.
func sortRows(rows []engine.StrategyRow) {
	slices.SortFunc(rows, func(a, b engine.StrategyRow) int {
		return strings.Compare(a.Type+"\x00"+string(a.Config), b.Type+"\x00"+string(b.Config))
	})
}

// Execute implements reconcile.Executor.
func (s *server) Execute(ctx context.Context, a engine.Action) error {
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuses != nil {
		return s.refuses
	}
	s.executed = append(s.executed, a)
	for _, c := range s.clusters {
		if a.Alter != nil && a.Alter.ClusterID == c.ID {
			shape := a.Alter.To
			c.shape = &shape
		}
		if !strings.Contains(a.SQL, " "+pgtext.QuoteIdent(c.Name)+".") {
			continue
		}
		if a.Op == engine.OpDrop {
			delete(c.replicas, a.Replica)
			return nil
		}
		unhydrated := false
		created := engine.At(s.now)
		c.replicas[a.Replica] = &engine.Replica{ID: fmt.Sprint("r", len(s.actions)), Name: a.Replica, Size: a.Size, Hydrated: &unhydrated, CreatedAt: &created}
	}
	return nil
}

// Begin implements reconcile.Recorder, as do the next ones.
func (s *server) Begin(_ context.Context, r reconcile.ActionRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.CreatedAt = s.now
	s.actions = append(s.actions, r)
	return nil
}

func (s *server) Finish(_ context.Context, r reconcile.ActionRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.actions {
		if s.actions[i].ActionID == r.ActionID {
			s.actions[i].Executed, s.actions[i].Error, s.actions[i].Context.SQLState = r.Executed, r.Error, r.Context.SQLState
		}
	}
	return nil
}

func (s *server) Unfinished(context.Context) ([]reconcile.ActionRecord, error) { return nil, nil }
func (s *server) Forget(context.Context, string) error                         { return nil }
func (s *server) Prune(context.Context) error                                  { return nil }

func (s *server) SaveState(_ context.Context, id string, m reconcile.ClusterMemory) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m.Strategies, m.Replicas = maps.Clone(m.Strategies), maps.Clone(m.Replicas) // as a server would: the caller goes on with his own
	s.find(id).memory = m
	return nil
}

// Catalog implements intercept.Catalog.
func (s *server) Catalog(context.Context) (engine.Catalog, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := engine.Catalog{At: s.now, Sizes: sizes, MaxReplicasPerCluster: s.limit, Controller: s.controller, NoAutoScaling: s.noAutoScaling}
	for _, known := range s.clusters {
		info := known.ClusterInfo
		info.Replicas = int64(len(known.replicas))
		c.Clusters = append(c.Clusters, info)
	}
	return c, s.away
}

// Now implements intercept.Catalog, as do the next ones: what this server tells is never old.
func (s *server) Now(ctx context.Context) (engine.Catalog, error) { return s.Catalog(ctx) }

// Find implements intercept.Catalog.
func (s *server) Find(context.Context, string) ([]engine.ClusterInfo, error) { return nil, nil }

// Touch implements intercept.Catalog.
func (s *server) Touch() {}

// Role implements intercept.Catalog.
func (s *server) Role(context.Context, string) (engine.Role, error) { return s.role, s.away }

// MayRead implements intercept.Catalog.
func (s *server) MayRead(_ context.Context, r engine.Role, _ string) (bool, error) {
	return r.Superuser || r.Name != "stranger", s.away
}

// MaySeeUse implements intercept.Catalog.
func (s *server) MaySeeUse(_ context.Context, r engine.Role) (bool, error) {
	return r.Superuser || r.Name != "reader", s.away
}

// MayWrite implements intercept.Catalog.
func (s *server) MayWrite(_ context.Context, r engine.Role, _ string) (bool, error) {
	return r.Superuser || r.Name != "stranger", s.away
}

// Actions implements intercept.Store, as do the next ones.
func (s *server) Actions(_ context.Context, f reconcile.ActionFilter) ([]reconcile.ActionRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []reconcile.ActionRecord
	for _, a := range slices.Backward(s.actions) {
		if f.ClusterID == "" || f.ClusterID == a.ClusterID {
			list = append(list, a)
		}
	}
	return list, s.away
}

// RecordChanges implements intercept.Store.
func (s *server) RecordChanges(_ context.Context, changes []reconcile.ChangeRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		c.At = s.now
		s.changes = append(s.changes, c)
	}
	return s.away
}

// Changes implements intercept.Store.
func (s *server) Changes(context.Context, reconcile.ActionFilter) ([]reconcile.ChangeRecord, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.changes), s.away
}

func (s *server) ResetState(_ context.Context, ids ...string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		s.find(id).memory.Strategies = map[string]json.RawMessage{}
	}
	return int64(len(ids)), s.away
}

func (s *server) SetPause(_ context.Context, ids []string, p engine.Pause) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range ids {
		now := s.now
		s.rows = append(s.rows, row{id, engine.PauseType, fmt.Sprintf(`{"by": %q, "reason": %q}`, p.By, p.Reason), &now})
	}
	return s.away
}

func (s *server) ClearPause(_ context.Context, ids []string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.rows)
	s.rows = slices.DeleteFunc(s.rows, func(r row) bool { return r.kind == engine.PauseType && slices.Contains(ids, r.cluster) })
	return int64(n - len(s.rows)), s.away
}
