package engine

import (
	"encoding/json"
	"fmt"
	"maps"
)

// StrategyCoordinator decides about the clusters of one snapshot: it runs a cluster's
// strategies by priority, each on the result of the one before, lets the
// guards have their say, and turns the outcome into a plan. It holds values
// only and is safe for concurrent use.
type StrategyCoordinator struct {
	registry *Registry
	snapshot *Snapshot
	sizes    sizeNames
	prices   prices
	// pauseOfAll is the pause of all clusters that is in force, or nil.
	pauseOfAll *Pause
}

// NewStrategyCoordinator prepares for the clusters of a snapshot. aliases are names that configs may use
// for sizes.
func NewStrategyCoordinator(registry *Registry, s *Snapshot, aliases map[string]string) StrategyCoordinator {
	c := StrategyCoordinator{registry: registry, snapshot: s, sizes: sizeNames{s.Sizes, aliases}, prices: s.prices()}
	if c.pauseOfAll, _ = c.pauseOf(NewestRows(s.Pauses)); c.pauseOfAll != nil { // VALIDATE STRATEGIES tells what is wrong with its row
		c.pauseOfAll.All = true
	}
	return c
}

// running is a strategy whose row can be used.
type running struct {
	Strategy
	info    TypeInfo
	name    string
	config  Config
	row     StrategyRow
	payload payload
}

// Decide plans one cluster.
func (c StrategyCoordinator) Decide(cluster *ClusterState) ClusterPlan {
	plan := ClusterPlan{ID: cluster.ID, Name: cluster.Name, State: map[string]json.RawMessage{}}
	maps.Copy(plan.State, cluster.State)
	plan.CreditsBefore = c.prices.of(cluster.Specs())
	if code, message := untouchable(cluster); code != "" {
		if len(cluster.Strategies) > 0 {
			plan.Problems = []Problem{{Code: code, Message: message}}
		}
		plan.Desired = cluster.Specs()
		plan.CreditsAfter = plan.CreditsBefore
		return plan
	}
	rows := NewestRows(cluster.Strategies)
	pause, fault := c.pause(rows)
	strategies, problems := c.usable(cluster, rows)
	if fault != nil {
		problems = append(problems, *fault)
	}
	sortProblems(problems)
	plan.Problems = problems

	desired := NewDesiredState(cluster)
	desired.temporary = c.registry.temporary
	var resolver ConflictResolver
	for _, r := range strategies {
		d := r.Decide(c.input(cluster, desired, r))
		d.Strategy = r.name
		resolver.Take(desired, r.name, d.Step)
		plan.Decisions = append(plan.Decisions, d)
	}
	plan.Orphans = c.takeOrphans(cluster, rows, desired, &resolver)
	plan.Conflicts = resolver.Sorted()
	plan.Guards = guard(guardInput{c.snapshot, c.prices, cluster, desired, strategies, pause})
	plan.Desired = desired.Specs()
	plan.Actions = StateDiffer{}.Diff(cluster, desired)
	plan.CreditsAfter = c.prices.of(plan.Desired)
	plan.finish(c.snapshot, cluster, strategies)
	return plan
}

// untouchable says why a cluster takes no replica statements.
func untouchable(c *ClusterState) (ProblemCode, string) {
	switch {
	case c.Managed:
		return ManagedCluster, fmt.Sprintf("cluster %q is managed by the system, so its replicas are not for strategies", c.Name)
	case c.System():
		return SystemCluster, fmt.Sprintf("cluster %q (%q) is a system cluster", c.Name, c.ID)
	}
	return "", ""
}

// Counting tells which rows count: of each type the newest one, among equals
// the later.
func Counting(rows []StrategyRow) []bool {
	newest := map[string]int{}
	for i, row := range rows {
		if old, ok := newest[row.Type]; ok && row.older(rows[old]) {
			continue
		}
		newest[row.Type] = i
	}
	counts := make([]bool, len(rows))
	for _, i := range newest {
		counts[i] = true
	}
	return counts
}

// NewestRows keeps the rows that count, by type.
func NewestRows(rows []StrategyRow) map[string]StrategyRow {
	newest := map[string]StrategyRow{}
	for i, counts := range Counting(rows) {
		if counts {
			newest[rows[i].Type] = rows[i]
		}
	}
	return newest
}

// older tells whether a row is before another one of its type: one that cannot be read before all that can, and
// then one without a time before all that have one.
func (r StrategyRow) older(other StrategyRow) bool {
	a, b := r.UpdatedAt, other.UpdatedAt
	switch {
	case r.Fault != "" || other.Fault != "":
		return other.Fault == ""
	case a == nil || b == nil:
		return a == nil && b != nil
	}
	return a.Compare(*b) < 0
}

// usable picks the strategies that can run, by priority, and tells of the
// problems of the other rows.
func (c StrategyCoordinator) usable(cluster *ClusterState, rows map[string]StrategyRow) (run []running, problems []Problem) {
	report := func(strategy string, code ProblemCode, message string) {
		problems = append(problems, Problem{strategy, code, message})
	}
	if cluster.StateFault != "" {
		report("", BadState, "what is stored about the cluster cannot be read: "+cluster.StateFault)
	}
	for name := range rows {
		if _, ok := c.registry.lookup(name); !ok {
			report(name, UnknownStrategy, "there is no strategy "+abbreviate(name))
		}
	}
	for i, strategy := range c.registry.strategies {
		info := c.registry.types[i]
		row, ok := rows[info.Name]
		if !ok {
			continue
		}
		if row.Fault != "" {
			report(info.Name, UnreadableRow, row.Fault)
			continue
		}
		if info.Experimental && !c.snapshot.EnableExperimental {
			report(info.Name, ExperimentalDisabled, info.Name+" is experimental and not enabled")
			continue
		}
		config, fault := parseConfig(info, row.Config, c.sizes)
		if fault != "" {
			report(info.Name, BadConfig, fault)
			continue
		}
		p := readPayload(cluster.State[info.Name])
		if p.bad != "" {
			report(info.Name, BadState, p.bad)
		}
		run = append(run, running{strategy, info, info.Name, config, row, p})
	}
	return run, problems
}

func (c StrategyCoordinator) input(cluster *ClusterState, desired *DesiredState, r running) Input {
	now := c.snapshot.Now
	in := Input{Own: cluster.createdBy(r.name), Now: now, Cluster: cluster, Desired: desired, Sizes: c.snapshot.Sizes,
		Config: r.config, UpdatedAt: r.row.UpdatedAt, Payload: r.payload.fields}
	cooldown := r.config.Number(Cooldown.Name)
	if cooldown == nil || cooldown.Sign() <= 0 || r.payload.last == nil {
		return in
	}
	if now.Since(*r.payload.last).Cmp(cooldown) < 0 {
		in.Cooling = true
		if end, ok := r.payload.last.Add(cooldown); ok {
			in.CooledAt = &end
		}
	}
	return in
}
