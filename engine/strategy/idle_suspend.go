package strategy

import (
	"fmt"
	"time"

	"mzproxy/engine"
)

// IdleSuspend takes all replicas away from a cluster that nobody uses. It has
// the highest priority: while the cluster is idle, nothing is created either.
type IdleSuspend struct{}

var _ engine.Shaper = IdleSuspend{}

const idleAfter = "idle_after_s"

// Info describes the strategy.
func (IdleSuspend) Info() engine.TypeInfo {
	return engine.TypeInfo{
		Name: "idle_suspend", Priority: 3, Suspends: true,
		Summary: "drops all replicas while the cluster is not used",
		Parameters: []engine.ParameterInfo{
			{Name: idleAfter, Kind: engine.KindNumber, Required: true, Headline: true, History: true, Least: "> 0", Unit: "seconds", Meaning: "the time without use before it suspends"},
			{Name: "allow_stop_maintenance", Kind: engine.KindBool, AllowsStop: true, Default: "false", Meaning: "suspend although sinks, sources or views stop"},
			engine.Cooldown,
		},
	}
}

// Decide removes everything, planned replicas too, from an idle cluster.
// Where activity cannot be told, it holds.
func (IdleSuspend) Decide(in engine.Input) engine.Decision {
	why, hold := idle(in, len(in.Cluster.Replicas) == 0)
	if hold != nil {
		return restored(in, *hold)
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

// restored brings back what this strategy took from a cluster that is used again, or may be, where no other strategy does.
func restored(in engine.Input, d engine.Decision) engine.Decision {
	taken := in.Payload.Replicas(engine.RestoreKey)
	missing := in.Desired.Missing(taken)
	if len(missing) == 0 {
		if len(taken) > 0 && len(in.Cluster.Replicas) > 0 {
			d.Remember = map[string]any{engine.RestoreKey: nil}
		}
		return d
	}
	for _, spec := range missing {
		d.Step.Add = append(d.Step.Add, engine.Addition{ReplicaSpec: spec, Why: "used again, as before it was suspended"})
	}
	d.Verb, d.Text = engine.VerbCreate, d.Text+"; back to what was there before it was suspended"
	return d
}

// Shape sets the replication factor of an idle cluster to 0, and keeps the one that was there, for waking.
func (IdleSuspend) Shape(in engine.Input) engine.Decision {
	there := in.Cluster.Heading().Factor
	why, hold := idle(in, there == 0)
	if hold != nil {
		return awake(in, *hold, there)
	}
	d := alter(engine.Setting{Option: engine.OptionFactor, Why: why})
	d.Verb, d.Phase = engine.VerbSuspend, "suspended"
	if there == 0 {
		d.Text = "suspended, " + why
		return d
	}
	d.Acting = map[string]any{engine.RestoreKey: there}
	return d
}

// awake wakes a cluster that this strategy suspended, and that is used again, or may be.
func awake(in engine.Input, d engine.Decision, there int64) engine.Decision {
	restore := in.Payload.Integer(engine.RestoreKey)
	if restore == 0 || there > 0 || in.Desired.Firm(engine.OptionFactor) {
		return d
	}
	d.Step.Set = []engine.Setting{{Option: engine.OptionFactor, Factor: restore, Why: fmt.Sprintf("used again, back to a replication factor of %d", restore)}}
	d.Verb, d.Text = engine.VerbAlter, d.Text+"; "+d.Step.Set[0].Why
	d.Acting = map[string]any{engine.RestoreKey: nil}
	return d
}

// idle says why a cluster counts as idle, or what holds the strategy back. suspended tells whether it is suspended already.
func idle(in engine.Input, suspended bool) (why string, hold *engine.Decision) {
	if why := in.Cluster.ActivityUnknown; why != "" {
		return "", &engine.Decision{Verb: engine.VerbHold, Text: "activity is not known: " + why}
	}
	since := in.Cluster.LastActivity
	if since == nil {
		since = in.UpdatedAt
	}
	limit := in.Config.Number(idleAfter, engine.Number{})
	if since != nil && in.Now.Since(*since).Compare(limit) <= 0 {
		d := busy(in, *since, limit)
		return "", &d
	}
	if in.Cooling && !suspended {
		d := cooling(in)
		return "", &d
	}
	why = "no activity recorded"
	switch {
	case since == nil:
	case in.Cluster.LastActivity == nil:
		why = fmt.Sprintf("no activity in the %ss since the strategy was set (limit %ss)", in.Now.Since(*since).Floor(), limit.Floor())
	default:
		why = fmt.Sprintf("idle for %ss (limit %ss)", in.Now.Since(*since).Floor(), limit.Floor())
	}
	return why, nil
}

func busy(in engine.Input, since engine.Timestamp, limit engine.Number) engine.Decision {
	what := "last activity"
	if in.Cluster.LastActivity == nil {
		what = "no activity yet; set"
	}
	ago := in.Now.Since(since)
	d := engine.Decision{Verb: engine.VerbHold, Text: what + " " + ago.Floor() + " s ago"}
	switch {
	case ago.Sign() >= 0:
	case in.Cluster.LastActivity == nil:
		d.Text = "no activity yet; the row is dated " + since.Format(time.DateTime) + " UTC, in the future"
	default: // clocks differ a little
		d.Text = what + " just now"
	}
	if end, ok := since.Add(limit); ok {
		d.Until = &end
		d.Text += "; suspends at " + moment(in.Now, end)
	}
	return d
}

// moment is a time of day, with the date where it is not the same day.
func moment(now, at engine.Timestamp) string {
	const zoned = " UTC"
	year, month, day := at.UTC().Date()
	if y, m, d := now.UTC().Date(); y != year || m != month || d != day {
		return at.UTC().Format(time.DateTime + zoned)
	}
	return at.UTC().Format(time.TimeOnly + zoned)
}
