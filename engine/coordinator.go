package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
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
	info    *TypeInfo
	name    string
	config  Config
	row     *StrategyRow
	payload payload
}

// decide asks the strategy in the words of the kind of cluster.
func (r *running) decide(in Input) Decision {
	if in.Cluster.Shape != nil {
		return r.Strategy.(Shaper).Shape(in)
	}
	return r.Decide(in)
}

// Decide plans one cluster.
func (c StrategyCoordinator) Decide(cluster *ClusterState) ClusterPlan {
	plan := ClusterPlan{ID: cluster.ID, Name: cluster.Name, State: make(map[string]json.RawMessage, len(cluster.State)+1)}
	maps.Copy(plan.State, cluster.State)
	there := cluster.Specs()
	plan.CreditsBefore = c.prices.of(there)
	if code, message := untouchable(cluster); code != "" {
		if len(cluster.Strategies) > 0 {
			plan.Problems = []Problem{{Code: code, Message: message}}
		}
		plan.Desired, plan.Shape = there, cluster.Shape
		plan.CreditsAfter = plan.CreditsBefore
		return plan
	}
	rows := NewestRows(cluster.Strategies)
	pause, fault := c.pause(rows)
	strategies, problems := c.usable(cluster, rows)
	if fault != nil {
		problems = append(problems, *fault)
	}
	problems = append(problems, cluster.unapproved()...)
	sortProblems(problems)
	plan.Problems = problems

	desired := desiredOf(there)
	desired.shapeOf(cluster)
	desired.temporary = c.registry.temporary
	var resolver ConflictResolver
	plan.Decisions = slices.Grow(plan.Decisions, len(strategies))
	for i := range strategies {
		r := &strategies[i]
		d := r.decide(c.input(cluster, desired, r))
		d.Strategy = r.name
		resolver.Take(desired, r.name, d.Step)
		plan.Decisions = append(plan.Decisions, d)
	}
	plan.Orphans = c.takeOrphans(cluster, there, rows, desired, &resolver)
	ended := c.endSettings(cluster, rows, desired, &resolver)
	plan.Conflicts = resolver.Sorted()
	plan.Guards = guard(guardInput{c.snapshot, c.prices, cluster, desired, strategies, pause})
	plan.Desired = desired.Specs()
	plan.Actions = StateDiffer{}.Diff(cluster, desired)
	plan.CreditsAfter = c.prices.of(plan.Desired)
	if desired.settings != nil {
		shape := desired.Shape()
		plan.Shape, plan.CreditsAfter = &shape, c.prices.ofShape(cluster, shape)
	}
	plan.finish(c.snapshot, cluster, strategies, ended)
	return plan
}

// untouchable says why a cluster takes no statements.
func untouchable(c *ClusterState) (ProblemCode, string) {
	switch {
	case c.Managed && c.Shape == nil:
		return ManagedCluster, fmt.Sprintf("cluster %q is managed by the system, so its replicas are not for strategies", c.Name)
	case c.System():
		return SystemCluster, fmt.Sprintf("cluster %q (%q) is a system cluster", c.Name, c.ID)
	case c.Managed && !c.ManualSchedule():
		return ManagedCluster, fmt.Sprintf("cluster %q has the SCHEDULE %s: the system itself decides when it has replicas", c.Name, strings.ToUpper(strings.ReplaceAll(c.Schedule, "-", " ")))
	}
	return "", ""
}

// usable picks the strategies that can run, by priority, and tells of the
// problems of the other rows.
func (c StrategyCoordinator) usable(cluster *ClusterState, rows Rows) (run []running, problems []Problem) {
	if cluster.StateFault != "" {
		problems = append(problems, Problem{"", BadState, "what is stored about the cluster cannot be read: " + cluster.StateFault})
	}
	for _, row := range rows {
		if c.registry.find(row.Type) == nil {
			problems = append(problems, Problem{row.Type, UnknownStrategy, "there is no strategy " + abbreviate(row.Type)})
		}
	}
	run = make([]running, 0, min(len(rows), len(c.registry.strategies)))
	for i, strategy := range c.registry.strategies {
		info := &c.registry.types[i]
		row := rows.Of(info.Name)
		if row == nil {
			continue
		}
		config, problem := c.config(info, row)
		if problem == nil && cluster.Shape != nil {
			problem = meaninglessThere(strategy, info, config)
		}
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		p := readPayload(cluster.State[info.Name])
		if p.bad != "" {
			problems = append(problems, Problem{info.Name, BadState, p.bad})
		}
		run = append(run, running{strategy, info, info.Name, config, row, p})
	}
	return run, problems
}

// meaninglessThere says why a strategy, or one of its parameters, has no meaning on a managed cluster; nil: all have.
func meaninglessThere(s Strategy, info *TypeInfo, config Config) *Problem {
	if _, ok := s.(Shaper); !ok {
		return &Problem{info.Name, BadConfig, info.Unmanaged}
	}
	for i := range info.Parameters {
		p := &info.Parameters[i]
		if _, there := config.setting(p.Name); there && p.Unmanaged != "" {
			return &Problem{info.Name, BadConfig, p.Name + ": " + p.Unmanaged}
		}
	}
	return nil
}

// config reads the config of a row, or says why the strategy cannot run.
func (c StrategyCoordinator) config(info *TypeInfo, row *StrategyRow) (Config, *Problem) {
	if row.Fault != "" {
		return Config{}, &Problem{info.Name, UnreadableRow, row.Fault}
	}
	if info.Experimental && !c.snapshot.EnableExperimental {
		return Config{}, &Problem{info.Name, ExperimentalDisabled, info.Name + " is experimental and not enabled"}
	}
	config, fault := parseConfig(info, row.Config, c.sizes)
	if fault != "" {
		return Config{}, &Problem{info.Name, BadConfig, fault}
	}
	return config, nil
}

func (c StrategyCoordinator) input(cluster *ClusterState, desired *DesiredState, r *running) Input {
	now := c.snapshot.Now
	in := Input{Own: cluster.createdBy(r.name), Now: now, Cluster: cluster, Desired: desired, Sizes: c.snapshot.Sizes, NoAutoScaling: c.snapshot.NoAutoScaling,
		Config: r.config, UpdatedAt: r.row.UpdatedAt, Payload: r.payload.Payload, Last: r.payload.last}
	cooldown := r.config.Number(Cooldown.Name, Number{})
	if cooldown.Sign() <= 0 || r.payload.last == nil {
		return in
	}
	if now.Since(*r.payload.last).Compare(cooldown) < 0 {
		in.Cooling = true
		if end, ok := r.payload.last.Add(cooldown); ok {
			in.CooledAt = &end
		}
	}
	return in
}
