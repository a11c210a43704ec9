package intercept

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// lineWidth is what the lines of a plan keep to: psql puts a space on both sides.
const lineWidth = 97

// text renders a report, a line a row.
func (r report) text(registry *engine.Registry, verbose, utf8 bool) []string {
	p := printer{registry: registry, utf8: utf8}
	if len(r.plan.Clusters) == 0 {
		p.line("%s", r.none)
	}
	for i, plan := range r.plan.Clusters {
		p.cluster(r.snapshot.Now, r.snapshot.Clusters[i], plan)
		if r.before != nil {
			p.whatIf(r.before.Clusters[i], plan)
		}
		if verbose {
			p.signals(r.snapshot, r.snapshot.Clusters[i], plan)
		}
	}
	return p.lines
}

type printer struct {
	registry *engine.Registry
	lines    []string
	utf8     bool // the client reads letters beyond ASCII
}

func (p *printer) line(format string, args ...any) { p.lineUnder(4, format, args...) }

// lineUnder breaks what is too long, and goes on at an indent.
func (p *printer) lineUnder(indent int, format string, args ...any) {
	p.lines = append(p.lines, wrap(p.plain(fmt.Sprintf(format, args...)), indent)...)
}

// statement is to be copied: it is never broken.
func (p *printer) statement(lead, sql string) { p.lines = append(p.lines, lead+p.plain(sql)) }

// plain escapes what the client, or a terminal, could not show as it is.
func (p *printer) plain(s string) string {
	var b strings.Builder
	for _, r := range s {
		if unicode.IsPrint(r) && (p.utf8 || r < unicode.MaxASCII) {
			b.WriteRune(r)
			continue
		}
		escaped := strconv.QuoteRuneToASCII(r)
		b.WriteString(escaped[1 : len(escaped)-1])
	}
	return b.String()
}

// wrap breaks a long line at spaces.
func wrap(line string, indent int) []string {
	var lines []string
	for utf8.RuneCountInString(line) > lineWidth {
		at := strings.LastIndexByte(string([]rune(line)[:lineWidth+1]), ' ')
		if at <= indent {
			break
		}
		lines = append(lines, line[:at])
		line = strings.Repeat(" ", indent) + line[at+1:]
	}
	return append(lines, line)
}

func (p *printer) cluster(now engine.Timestamp, c engine.ClusterState, plan engine.ClusterPlan) {
	p.line("Cluster %s (%s): %s, %s", pgtext.QuoteIdent(c.Name), c.ID, clusterChange(c, plan), creditChange(plan.CreditsBefore, plan.CreditsAfter))
	label := func(name, verb, text string) {
		p.lineUnder(33, "  %-21s  %-7s %s", name, verb, text)
	}
	for _, d := range plan.Decisions {
		label(p.strategyLabel(c, d.Strategy), d.Verb, d.Text+overruled(plan, d))
	}
	for _, problem := range plan.Problems {
		label(cmp.Or(problem.Strategy, "cluster"), "error", problem.Message)
	}
	for _, conflict := range plan.Conflicts {
		label("conflict", "", fmt.Sprintf("%s wins over %s on %s (PRIORITY)", conflict.Winner.Strategy, conflict.Loser.Strategy, subject(conflict)))
	}
	for _, g := range plan.Guards {
		verb := "warns"
		if g.Held || g.Name == engine.GuardPause {
			verb = "holds"
		}
		label("guard "+string(g.Name), verb, g.Text)
	}
	for _, o := range plan.Orphans {
		label("orphan", "stays", fmt.Sprintf("%s was created by %s, which is gone", pgtext.QuoteIdent(o.Replica), o.Strategy))
	}
	if len(c.Strategies) == 0 {
		p.line("  no strategies")
	}
	if c.Reconfiguring != nil {
		p.line("Under way: %s", c.Reconfiguring)
	}
	if c.Failed != nil {
		p.line("Given up by the server: %s x %d (%s)", c.Failed.Size, c.Failed.Factor, c.Failed.Status)
	}
	p.replicas(c, plan)
	if len(plan.Actions) > 0 {
		p.line("Statements")
	}
	for _, a := range plan.Actions {
		p.statement("  ", a.SQL)
	}
	failing := failures(c, plan)
	if len(failing) > 0 {
		p.line("Failing")
	}
	for _, f := range failing {
		p.line("  %s %s: %s; %s", f.Op, failed(f), f.why(now), f.next(now))
	}
	p.line("Next look: %s", nextLook(now, plan, nextTry(failing)))
}

// overruled says of a wish that it does not come true, and by whom.
func overruled(plan engine.ClusterPlan, d engine.Decision) string {
	var winners []string
	for _, conflict := range plan.Conflicts {
		if conflict.Loser.Strategy == d.Strategy && !slices.Contains(winners, conflict.Winner.Strategy) {
			winners = append(winners, conflict.Winner.Strategy)
		}
	}
	if len(winners) == 0 {
		return ""
	}
	return " (overruled by " + strings.Join(winners, ", ") + ")"
}

// subject is what strategies do not agree about.
func subject(c engine.Conflict) string {
	if c.Replica == "" {
		return string(c.Option)
	}
	return pgtext.QuoteIdent(c.Replica)
}

// failed names what an action that fails is about.
func failed(f failing) string {
	if f.Action.Alter != nil {
		return f.Action.Subject()
	}
	return pgtext.QuoteIdent(f.Action.Replica)
}

// clusterChange is what a plan does to a cluster, in a few words: of a managed one to its shape.
func clusterChange(c engine.ClusterState, plan engine.ClusterPlan) string {
	switch {
	case plan.Shape == nil || c.Shape == nil:
		return replicaChange(len(c.Replicas), len(plan.Desired))
	case *c.Shape != *plan.Shape:
		return c.Shape.String() + " -> " + plan.Shape.String()
	}
	return c.Shape.String()
}

func replicaChange(before, after int) string {
	switch {
	case before != after:
		return fmt.Sprintf("%d -> %d replicas", before, after)
	case after == 1:
		return "1 replica"
	}
	return fmt.Sprintf("%d replicas", after)
}

// strategyLabel is the strategy with its main parameter.
func (p *printer) strategyLabel(c engine.ClusterState, name string) string {
	info, _ := p.registry.Type(name)
	headline, ok := info.Headline()
	if !ok {
		return name
	}
	var config map[string]any
	_ = json.Unmarshal(engine.NewestRows(c.Strategies).Of(name).Config, &config) // a strategy that ran has a row with an object
	switch value := config[headline.Name].(type) {
	case string:
		return name + " " + value
	case float64:
		if headline.Unit == "seconds" {
			return name + " " + duration(value)
		}
		return fmt.Sprintf("%s %g", name, value)
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

func (p *printer) replicas(c engine.ClusterState, plan engine.ClusterPlan) {
	type row struct{ name, size, what, state string }
	var rows []row
	for _, r := range c.Replicas {
		what, state := "stay", condition(c, r)
		switch {
		case plan.Shape != nil:
			what = "" // the server's own
		case !slices.Contains(plan.Desired, engine.ReplicaSpec{Name: r.Name, Size: r.Size}):
			what = "drop"
		}
		for _, a := range plan.Actions {
			if a.Replica == r.Name && a.Restart != nil {
				state += "; " + p.plain(a.Restart.String())
			}
		}
		rows = append(rows, row{p.plain(r.Name), p.plain(r.Size), what, state})
	}
	for _, a := range plan.Actions {
		if a.Op == engine.OpCreate {
			rows = append(rows, row{p.plain(a.Replica), p.plain(a.Size), "create", ""})
		}
	}
	if len(rows) == 0 {
		p.line("Replicas: none")
		return
	}
	p.line("Replicas")
	width, sizes := 10, 6
	for _, r := range rows {
		width, sizes = max(width, utf8.RuneCountInString(r.name)), max(sizes, utf8.RuneCountInString(r.size))
	}
	for _, r := range rows {
		p.lineUnder(width+sizes+14, "%s", strings.TrimRight(fmt.Sprintf("  %-*s  %-*s  %-6s  %s", width, r.name, sizes, r.size, r.what, r.state), " "))
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
	case len(r.AwaitsSources) == 1:
		state = "waits for source " + quoted(r.AwaitsSources[0])
	case len(r.AwaitsSources) > 1:
		state = "waits for sources " + quoted(strings.Join(r.AwaitsSources, `", "`))
	case hydratable(c, r) != nil && r.HydratedObjects != nil:
		state = fmt.Sprintf("hydrating, %d of %d objects", *r.HydratedObjects, *hydratable(c, r))
	default:
		state = "hydrating"
	}
	if r.CrashCount > 0 {
		state += fmt.Sprintf(", %s in the last hour (%d out of memory)", count(r.CrashCount, "crash", "crashes"), r.OOMCount)
	}
	return state
}

// hydratable is how many objects can hydrate on a replica; nil: not known.
func hydratable(c engine.ClusterState, r engine.Replica) *int64 {
	if r.Objects != nil {
		return r.Objects
	}
	return c.Objects
}

// nextLook says what would change the decision.
func nextLook(now engine.Timestamp, plan engine.ClusterPlan, retry *engine.Timestamp) string {
	next, cause := plan.NextLook, plan.NextLookCause
	if retry != nil && (next == nil || retry.Compare(*next) < 0) {
		next, cause = retry, "next try"
	}
	at := ""
	if next != nil {
		at = fmt.Sprintf("%s UTC (%s)", clockTime(now, *next), cause)
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
		p.line("What if: the plan stays as it is")
		return
	}
	p.line("What if: against the plan of now")
	for _, a := range added {
		p.statement("  + ", a.SQL)
	}
	for _, a := range gone {
		p.statement("  - ", a.SQL)
	}
}
