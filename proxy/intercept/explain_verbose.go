package intercept

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"mzproxy/engine"
)

// signals shows what a plan rests on, with source and age, and what strategies remember.
func (p *printer) signals(s engine.Snapshot, c engine.ClusterState, plan engine.ClusterPlan) {
	p.line("Signals, observed at %s UTC", s.Now.Format("2006-01-02 15:04:05"))
	entry := func(name, format string, args ...any) {
		p.lineUnder(17, "  %-13s  %s", name, fmt.Sprintf(format, args...))
	}
	last := "none recorded"
	if c.LastActivity != nil {
		last = fmt.Sprintf("%s ago, at %s UTC (%s)", elapsed(s.Now.Sub(c.LastActivity.Time)), clockTime(s.Now, *c.LastActivity), source(c))
	}
	if c.ActivityUnknown != "" {
		last += "; not complete: " + c.ActivityUnknown
	}
	entry("last activity", "%s", last)
	if c.Objects != nil {
		o := c.Obligations
		entry("objects", "%d (%s, %s, %s, %s)", *c.Objects, count(o.Indexes, "index", "indexes"), count(o.MaterializedViews, "materialized view", "materialized views"),
			count(o.Sources, "source", "sources"), count(o.Sinks, "sink", "sinks"))
	} else {
		entry("objects", "not known")
	}
	for _, r := range c.Replicas {
		entry("replica", "%s: %s", r.Name, strings.Join(replicaSignals(s, c, r), ", "))
	}
	for _, s := range c.Pinned {
		where := "runs on " + s.Replica + " alone"
		if s.Replica == "" {
			where = "runs on one replica alone, now on none"
		}
		entry("source", "%s %s", s.Name, where)
	}
	if c.Counted {
		entry("actions", "%d in the last %s", c.RecentActions, s.Rate.Window())
	}
	p.line("State")
	for _, d := range plan.Decisions {
		entry(d.Strategy, "%s", remembered(s.Now, c, d.Strategy))
	}
	if len(plan.Decisions) == 0 {
		p.line("  no strategy runs")
	}
}

func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func source(c engine.ClusterState) string {
	if c.ActivitySource == "" {
		return "source not known"
	}
	return c.ActivitySource
}

func replicaSignals(s engine.Snapshot, c engine.ClusterState, r engine.Replica) []string {
	list := []string{"offline"}
	if r.Online {
		list[0] = "online"
	}
	if n := hydratable(c, r); n != nil && r.HydratedObjects != nil {
		list = append(list, fmt.Sprintf("%d of %d objects hydrated", *r.HydratedObjects, *n))
	}
	list = append(list, fmt.Sprintf("%s (%d out of memory) in the last hour", count(r.CrashCount, "crash", "crashes"), r.OOMCount))
	if r.CreatedAt != nil {
		list = append(list, "created "+elapsed(s.Now.Sub(r.CreatedAt.Time))+" ago")
	}
	if by := c.CreatedBy[r.Name]; by != "" {
		list = append(list, "by "+by)
	}
	return list
}

// longestCooldown is what a time.Duration holds, in seconds.
const longestCooldown = float64(math.MaxInt64 / time.Second)

// remembered tells of a strategy's cooldown and of what else it has stored.
func remembered(now engine.Timestamp, c engine.ClusterState, strategy string) string {
	var config struct {
		Cooldown json.Number `json:"cooldown_s"`
	}
	for i, counts := range engine.Counting(c.Strategies) {
		if counts && c.Strategies[i].Type == strategy {
			_ = json.Unmarshal(c.Strategies[i].Config, &config) // a strategy that ran has an object
		}
	}
	state := map[string]any{}
	_ = json.Unmarshal(c.State[strategy], &state) // what is no object is no state
	cooldown, err := config.Cooldown.Float64()
	length := duration(cooldown)
	if err != nil && config.Cooldown != "" || cooldown > longestCooldown {
		cooldown, length = 0, "without end"
	}
	text := "never acted"
	if stamp, ok := state["last_decision_ts"].(string); ok {
		text = "last acted at " + stamp
		if last, err := engine.ParseTimestamp(stamp); err == nil {
			text = fmt.Sprintf("last acted %s ago", elapsed(now.Sub(last.Time)))
			if end := last.Time.Add(time.Duration(cooldown * float64(time.Second))); cooldown > 0 && end.After(now.Time) {
				text += fmt.Sprintf(", cooling down until %s UTC", clockTime(now, engine.At(end)))
			}
		}
	}
	text += fmt.Sprintf(" (cooldown %s)", length)
	delete(state, "last_decision_ts")
	if len(state) > 0 {
		if rest, err := asJSON(state); err == nil {
			text += ", remembers " + rest
		}
	}
	return text
}

// clockTime is a time of day, with the date where it is not the same day.
func clockTime(now, at engine.Timestamp) string {
	if now.UTC().Format(time.DateOnly) == at.UTC().Format(time.DateOnly) {
		return at.UTC().Format(time.TimeOnly)
	}
	return at.UTC().Format(time.DateTime)
}
