package intercept

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"mzproxy/engine"
)

// lineWidth is what the lines of a plan keep to.
const lineWidth = 98

// text renders a report, a line a row.
func (r report) text(verbose bool) []string {
	var p printer
	if len(r.plan.Clusters) == 0 {
		p.line(" No cluster has strategies")
	}
	for i, plan := range r.plan.Clusters {
		p.cluster(r.snapshot, r.snapshot.Clusters[i], plan)
		if r.before != nil {
			p.whatIf(r.before.Clusters[i], plan)
		}
		if verbose {
			p.signals(r.snapshot.Clusters[i], plan)
		}
	}
	return p.lines
}

type printer struct{ lines []string }

func (p *printer) line(format string, args ...any) {
	p.lines = append(p.lines, wrap(ascii(fmt.Sprintf(format, args...)))...)
}

// ascii keeps output to plain characters; names keep theirs, escaped.
func ascii(s string) string {
	for _, r := range s {
		if r > 126 || r < 32 {
			quoted := fmt.Sprintf("%+q", s)
			return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
		}
	}
	return s
}

// wrap breaks a long line at spaces; what follows is indented.
func wrap(line string) []string {
	var lines []string
	for len(line) > lineWidth {
		at := strings.LastIndexByte(line[:lineWidth], ' ')
		if at < lineWidth/2 {
			break
		}
		lines = append(lines, line[:at])
		line = strings.Repeat(" ", 26) + line[at+1:]
	}
	return append(lines, line)
}

func (p *printer) cluster(s engine.Snapshot, c engine.ClusterState, plan engine.ClusterPlan) {
	count := fmt.Sprintf("%d replicas", len(plan.Desired))
	if len(c.Replicas) != len(plan.Desired) {
		count = fmt.Sprintf("%d -> %d replicas", len(c.Replicas), len(plan.Desired))
	}
	p.line(" Cluster %q (%s): %s, %s", c.Name, c.ID, count, creditChange(plan.CreditsBefore, plan.CreditsAfter))
	for _, d := range plan.Decisions {
		p.line("   %-21s  %-7s %s", strategyLabel(c, d.Strategy), d.Verb, d.Text)
	}
	for _, problem := range plan.Problems {
		p.line("   %-21s  %-7s %s", problem.Strategy, "error", problem.Message)
	}
	p.overruled(plan)
	if len(c.Strategies) == 0 {
		p.line("   no strategies")
	}
	p.replicas(c, plan)
	if len(plan.Actions) > 0 {
		p.line(" Statements")
	}
	for _, a := range plan.Actions {
		p.lines = append(p.lines, "   "+ascii(a.SQL)) // to be copied: never wrapped
	}
	p.line(" Next look: %s", nextLook(plan))
}

// strategyLabel is the strategy with its main parameter.
func strategyLabel(c engine.ClusterState, name string) string {
	var newest engine.StrategyRow
	for _, row := range c.Strategies {
		if row.Type == name && (newest.Type == "" || newest.UpdatedAt == nil || row.UpdatedAt != nil && row.UpdatedAt.Compare(*newest.UpdatedAt) >= 0) {
			newest = row
		}
	}
	var config map[string]any
	_ = json.Unmarshal(newest.Config, &config) // a strategy that ran has an object
	for _, key := range []string{"target_size", "burst_replica_size", "max_replica_size"} {
		if size, ok := config[key].(string); ok {
			return name + " " + size
		}
	}
	if idle, ok := config["idle_after_s"].(float64); ok {
		return name + " " + duration(idle)
	}
	return name
}

// duration renders seconds for people.
func duration(seconds float64) string {
	switch {
	case seconds >= 7200 && int64(seconds)%3600 == 0:
		return fmt.Sprintf("%d h", int64(seconds)/3600)
	case seconds >= 120 && int64(seconds)%60 == 0:
		return fmt.Sprintf("%d min", int64(seconds)/60)
	}
	return fmt.Sprintf("%g s", seconds)
}

func (p *printer) overruled(plan engine.ClusterPlan) {
	for _, c := range plan.Conflicts {
		p.line("   conflict over %q: %s wins over %s (PRIORITY)", c.Replica, c.Winner.Strategy, c.Loser.Strategy)
	}
	for _, g := range plan.Guards {
		verb := "warns"
		if g.Held {
			verb = "holds"
		}
		p.line("   guard %-15s  %-7s %s", g.Name, verb, g.Text)
	}
	for _, o := range plan.Orphans {
		p.line("   %q stays: created by %s, which is gone", o.Replica, o.Strategy)
	}
}

func (p *printer) replicas(c engine.ClusterState, plan engine.ClusterPlan) {
	type row struct{ name, size, what, state string }
	var rows []row
	for _, r := range c.Replicas {
		what := "stay"
		if !slices.Contains(plan.Desired, engine.ReplicaSpec{Name: r.Name, Size: r.Size}) {
			what = "drop"
		}
		rows = append(rows, row{r.Name, r.Size, what, condition(c, r)})
	}
	for _, a := range plan.Actions {
		if a.Op == engine.OpCreate {
			rows = append(rows, row{a.Replica, a.Size, "create", ""})
		}
	}
	if len(rows) == 0 {
		p.line(" Replicas: none")
		return
	}
	p.line(" Replicas")
	width, sizes := 0, 0
	for _, r := range rows {
		width, sizes = max(width, len(ascii(r.name))), max(sizes, len(ascii(r.size)))
	}
	for _, r := range rows {
		p.line("%s", strings.TrimRight(fmt.Sprintf("   %-*s  %-*s  %-6s  %s", width, ascii(r.name), sizes, ascii(r.size), r.what, r.state), " "))
	}
}

// condition says how a replica is.
func condition(c engine.ClusterState, r engine.Replica) string {
	state := "ready"
	switch {
	case !r.Online:
		state = "offline"
	case c.Ready(r):
	case r.Hydrated == nil:
		state = "hydration not known"
	case c.Objects != nil && r.HydratedObjects != nil:
		state = fmt.Sprintf("hydrating, %d of %d objects", *r.HydratedObjects, *c.Objects)
	default:
		state = "hydrating"
	}
	if r.CrashCount > 0 {
		state += fmt.Sprintf(", %d crashes in the last hour (%d out of memory)", r.CrashCount, r.OOMCount)
	}
	return state
}

// nextLook says what would change the decision.
func nextLook(plan engine.ClusterPlan) string {
	at := ""
	if plan.NextLook != nil {
		at = fmt.Sprintf("%s UTC (%s)", plan.NextLook.Format("15:04:05"), plan.NextLookCause)
	}
	switch {
	case plan.Waiting && at != "":
		return "when a replica is hydrated, at the latest " + at
	case plan.Waiting:
		return "when a replica is hydrated"
	case at != "":
		return "when something changes, at the latest " + at
	}
	return "when something changes"
}

// whatIf shows how the plan differs from the plan of now.
func (p *printer) whatIf(before, after engine.ClusterPlan) {
	added, gone := difference(after.Actions, before.Actions), difference(before.Actions, after.Actions)
	if len(added)+len(gone) == 0 {
		p.line(" What if: the plan stays as it is")
		return
	}
	p.line(" What if: against the plan of now")
	for _, a := range added {
		p.lines = append(p.lines, "   + "+ascii(a.SQL))
	}
	for _, a := range gone {
		p.lines = append(p.lines, "   - "+ascii(a.SQL))
	}
}

func (p *printer) signals(c engine.ClusterState, plan engine.ClusterPlan) {
	p.line(" Signals")
	switch {
	case c.ActivityUnknown != "":
		p.line("   activity       not known: %s", c.ActivityUnknown)
	case c.LastActivity != nil:
		p.line("   last activity  %s (%s)", c.LastActivity, c.ActivitySource)
	default:
		p.line("   last activity  none recorded")
	}
	if c.Objects != nil {
		p.line("   objects        %d: %d indexes, %d materialized views, %d sources, %d sinks", *c.Objects,
			c.Obligations.Indexes, c.Obligations.MaterializedViews, c.Obligations.Sources, c.Obligations.Sinks)
	}
	p.line("   actions        %d in the last 5 minutes", c.RecentActions)
	p.line(" State")
	for _, d := range plan.Decisions {
		p.line("   %-13s  %s", d.Strategy, c.State[d.Strategy])
	}
}
