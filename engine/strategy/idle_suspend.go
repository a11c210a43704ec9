package strategy

import (
	"fmt"
	"time"

	"mzproxy/engine"
)

// IdleSuspend takes all replicas away from a cluster that nobody uses. It has
// the highest priority: while the cluster is idle, nothing is created either.
type IdleSuspend struct{}

var _ engine.Strategy = IdleSuspend{}

// Info describes the strategy.
func (IdleSuspend) Info() engine.TypeInfo {
	return engine.TypeInfo{
		Name: "idle_suspend", Priority: 3, Suspends: true,
		Summary: "drops all replicas while the cluster is not used",
		Parameters: []engine.ParameterInfo{
			{Name: "idle_after_s", Kind: engine.KindNumber, Required: true, Headline: true, History: true, Least: "> 0", Unit: "seconds", Meaning: "the time without use before it suspends"},
			{Name: "allow_stop_maintenance", Kind: engine.KindBool, AllowsStop: true, Default: "false", Meaning: "suspend although sinks, sources or views stop"},
			engine.Cooldown,
		},
	}
}

// Decide removes everything, planned replicas too, from an idle cluster.
// Where activity cannot be told, it holds.
func (IdleSuspend) Decide(in engine.Input) engine.Decision {
	if why := in.Cluster.ActivityUnknown; why != "" {
		return engine.Decision{Verb: engine.VerbHold, Text: "activity is not known: " + why}
	}
	since := in.Cluster.LastActivity
	if since == nil {
		since = in.UpdatedAt
	}
	limit := in.Config.Number("idle_after_s")
	if since != nil && in.Now.Since(*since).Cmp(limit) <= 0 {
		return busy(in, *since)
	}
	if in.Cooling && len(in.Cluster.Replicas) > 0 {
		return cooling(in)
	}
	why := "no activity recorded"
	switch {
	case since == nil:
	case in.Cluster.LastActivity == nil:
		why = fmt.Sprintf("no activity in the %ss since the strategy was set (limit %ss)", floor(in.Now.Since(*since)), floor(limit))
	default:
		why = fmt.Sprintf("idle for %ss (limit %ss)", floor(in.Now.Since(*since)), floor(limit))
	}
	d := engine.Decision{Verb: engine.VerbSuspend, Phase: "suspended", Text: why}
	for _, spec := range in.Desired.Specs() {
		d.Step.Remove = append(d.Step.Remove, engine.Removal{Name: spec.Name, Why: why})
	}
	if len(in.Cluster.Replicas) == 0 {
		d.Text = "suspended, " + why
	}
	return d
}

func busy(in engine.Input, since engine.Timestamp) engine.Decision {
	what := "last activity"
	if in.Cluster.LastActivity == nil {
		what = "no activity yet; set"
	}
	ago := in.Now.Since(since)
	d := engine.Decision{Verb: engine.VerbHold, Text: fmt.Sprintf("%s %s s ago", what, floor(ago))}
	switch {
	case ago.Sign() >= 0:
	case in.Cluster.LastActivity == nil:
		d.Text = "no activity yet; the row is dated " + since.Format(time.DateTime) + " UTC, in the future"
	default: // clocks differ a little
		d.Text = what + " just now"
	}
	if end, ok := since.Add(in.Config.Number("idle_after_s")); ok {
		d.Until = &end
		d.Text += "; suspends at " + moment(in.Now, end)
	}
	return d
}

// moment is a time of day, with the date where it is not the same day.
func moment(now, at engine.Timestamp) string {
	layout := time.TimeOnly
	if now.UTC().Format(time.DateOnly) != at.UTC().Format(time.DateOnly) {
		layout = time.DateTime
	}
	return at.UTC().Format(layout) + " UTC"
}
