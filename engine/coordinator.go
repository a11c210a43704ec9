package engine

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
)

// StrategyCoordinator decides about one cluster: it runs the cluster's
// strategies by priority, each on the result of the one before, lets the
// guards have their say, and turns the outcome into a plan. It holds values
// only and is safe for concurrent use.
type StrategyCoordinator struct {
	registry *Registry
	aliases  map[string]string
}

// running is a strategy whose row can be used.
type running struct {
	Strategy
	name    string
	config  Config
	row     StrategyRow
	payload payload
}

// Decide plans one cluster of a snapshot.
func (c StrategyCoordinator) Decide(s *Snapshot, cluster *ClusterState) ClusterPlan {
	plan := ClusterPlan{ID: cluster.ID, Name: cluster.Name, State: maps.Clone(cluster.State)}
	plan.CreditsBefore = s.Credits(cluster.Specs())
	if code, message := untouchable(cluster); code != "" && len(cluster.Strategies) > 0 {
		plan.Problems = []Problem{{Code: code, Message: message}}
		plan.Desired = NewDesiredState(cluster).Specs()
		plan.CreditsAfter = plan.CreditsBefore
		return plan
	}
	rows := newestRows(cluster.Strategies)
	strategies, problems := c.usable(s, cluster, rows)
	plan.Problems = problems

	desired := NewDesiredState(cluster)
	var resolver ConflictResolver
	for _, r := range strategies {
		d := r.Decide(c.input(s, cluster, desired, r))
		d.Strategy = r.name
		resolver.Take(desired, r.name, d.Step)
		plan.Decisions = append(plan.Decisions, d)
	}
	dropOrphans(cluster, rows, desired, &resolver, &plan)
	plan.Conflicts = resolver.sorted()
	pause, _ := c.pause(s, rows)
	plan.Guards = guard(guardInput{s, cluster, desired, strategies, pause})
	plan.Desired = desired.Specs()
	plan.Actions = StateDiffer{}.Diff(cluster, desired)
	plan.CreditsAfter = s.Credits(plan.Desired)
	plan.finish(s.Now, cluster, strategies)
	return plan
}

// untouchable says why a cluster takes no replica statements.
func untouchable(c *ClusterState) (ProblemCode, string) {
	switch {
	case c.Managed:
		return ManagedCluster, fmt.Sprintf("cluster %q is managed by the system, so its replicas are not for strategies", c.Name)
	case c.System():
		return SystemCluster, fmt.Sprintf("cluster %q (%s) is a system cluster", c.Name, c.ID)
	}
	return "", ""
}

// newestRows keeps one row of each type: the newest, among equals the later.
func newestRows(rows []StrategyRow) map[string]StrategyRow {
	newest := map[string]StrategyRow{}
	for _, row := range rows {
		if old, ok := newest[row.Type]; ok && older(row.UpdatedAt, old.UpdatedAt) {
			continue
		}
		newest[row.Type] = row
	}
	return newest
}

// older tells whether a is before b; nil is before everything but nil.
func older(a, b *Timestamp) bool {
	if a == nil || b == nil {
		return a == nil && b != nil
	}
	return a.Compare(*b) < 0
}

// usable picks the strategies that can run, by priority, and the problems of
// all rows, sorted.
func (c StrategyCoordinator) usable(s *Snapshot, cluster *ClusterState, rows map[string]StrategyRow) (run []running, problems []Problem) {
	report := func(strategy string, code ProblemCode, message string) {
		problems = append(problems, Problem{strategy, code, message})
	}
	for name := range rows {
		if _, ok := c.registry.lookup(name); !ok {
			report(name, UnknownStrategy, fmt.Sprintf("there is no strategy %q", name))
		}
	}
	for _, strategy := range c.registry.strategies {
		info := strategy.Info()
		row, ok := rows[info.Name]
		if !ok {
			continue
		}
		if info.Experimental && !s.EnableExperimental {
			report(info.Name, ExperimentalDisabled, info.Name+" is experimental and not enabled")
			continue
		}
		config, fault := parseConfig(info, row.Config, c.sizeNames(s))
		if fault != "" {
			report(info.Name, BadConfig, fault)
			continue
		}
		p := readPayload(cluster.State[info.Name])
		if p.bad != "" {
			report(info.Name, BadState, p.bad)
		}
		run = append(run, running{strategy, info.Name, config, row, p})
	}
	if _, fault := c.pause(s, rows); fault != "" {
		report(PauseType, BadConfig, fault)
	}
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Strategy, b.Strategy), cmp.Compare(a.Code, b.Code))
	})
	return run, problems
}

func (c StrategyCoordinator) sizeNames(s *Snapshot) sizeNames { return sizeNames{s.Sizes, c.aliases} }

// pause returns the pause that is in force, or nil.
func (c StrategyCoordinator) pause(s *Snapshot, rows map[string]StrategyRow) (pause *Pause, fault string) {
	row, ok := rows[PauseType]
	if !ok {
		return nil, ""
	}
	config, fault := parseConfig(pauseInfo, row.Config, sizeNames{})
	if fault != "" {
		// Somebody wanted a pause; that the row is wrong is no reason to act.
		return &Pause{Reason: "its row cannot be read"}, fault
	}
	p := Pause{Until: config.Timestamp("until"), Reason: config.Text("reason"), By: config.Text("by")}
	if p.Until != nil && p.Until.Compare(s.Now) <= 0 {
		return nil, ""
	}
	return &p, ""
}

func (c StrategyCoordinator) input(s *Snapshot, cluster *ClusterState, desired *DesiredState, r running) Input {
	in := Input{Now: s.Now, Cluster: cluster, Desired: desired, Sizes: s.Sizes,
		Config: r.config, UpdatedAt: r.row.UpdatedAt, Payload: r.payload.fields}
	cooldown := r.config.Number(Cooldown.Name)
	if cooldown == nil || cooldown.Sign() <= 0 || r.payload.last == nil {
		return in
	}
	if s.Now.Since(*r.payload.last).Cmp(cooldown) < 0 {
		in.Cooling = true
		if end, ok := r.payload.last.Add(cooldown); ok {
			in.CooledAt = &end
		}
	}
	return in
}

// dropOrphans ends what a strategy that is gone had created for itself: a burst
// replica goes as soon as another one is ready. A replica of target_size
// stays, since nobody asked for its end.
func dropOrphans(cluster *ClusterState, rows map[string]StrategyRow, desired *DesiredState, resolver *ConflictResolver, plan *ClusterPlan) {
	for _, replica := range cluster.Replicas {
		creator, ok := cluster.CreatedBy[replica.Name]
		if _, configured := rows[creator]; !ok || configured || !desired.Has(replica.Name) {
			continue
		}
		if creator != "burst" {
			plan.Orphans = append(plan.Orphans, Orphan{replica.Name, creator})
			continue
		}
		for _, other := range desired.Specs() {
			r := cluster.Replica(other.Name)
			if other.Name == replica.Name || r == nil || !cluster.Ready(*r) {
				continue
			}
			resolver.Take(desired, creator, Step{Remove: []Removal{{replica.Name, "the strategy is gone and " + other.Name + " is ready"}}})
			break
		}
	}
}

// finish fills in what follows from decisions and actions: the state to store,
// the next look, and whether a replica is waited for.
func (p *ClusterPlan) finish(now Timestamp, cluster *ClusterState, strategies []running) {
	if p.State == nil {
		p.State = map[string]json.RawMessage{}
	}
	acted := map[string]bool{}
	for _, a := range p.Actions {
		for _, r := range a.Reasons {
			acted[r.Strategy] = true
		}
	}
	for i, r := range strategies {
		p.State[r.name] = r.payload.next(now, acted[r.name], p.Decisions[i].Remember)
	}
	for _, d := range p.Decisions {
		p.lookAt(now, d.Until, d.Strategy)
	}
	for _, g := range p.Guards {
		p.lookAt(now, g.Until, g.Name)
	}
	for _, spec := range p.Desired {
		if r := cluster.Replica(spec.Name); r == nil || !cluster.Ready(*r) {
			p.Waiting = true
		}
	}
}

func (p *ClusterPlan) lookAt(now Timestamp, at *Timestamp, cause string) {
	if at == nil || at.Compare(now) <= 0 {
		return
	}
	if p.NextLook == nil || at.Compare(*p.NextLook) < 0 {
		p.NextLook, p.NextLookCause = at, cause
	}
}

// seconds is a duration in seconds as a rational.
func seconds(n int64) *big.Rat { return new(big.Rat).SetInt64(n) }
