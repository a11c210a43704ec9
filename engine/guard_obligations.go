package engine

import (
	"slices"
	"strings"
)

// The strategy whose wishes touch what a cluster maintains, and its parameter
// that says that this is fine.
const (
	idleSuspend          = "idle_suspend"
	allowStopMaintenance = "allow_stop_maintenance"
)

// guardObligations keeps a cluster from being suspended while it maintains
// what others rely on, unless its row says that this is fine. What only makes
// queries fast is no obligation, but worth a word.
func guardObligations(in guardInput) []Guard {
	taken := in.desired.removedBy(idleSuspend)
	if len(taken) == 0 {
		return nil
	}
	g := Guard{Name: GuardObligations, Strategy: idleSuspend}
	what := in.cluster.Obligations.binding()
	switch {
	case in.cluster.Obligations.Unknown != "" && !in.allowsStop():
		for _, name := range taken {
			in.desired.put(name)
		}
		g.Held = true
		g.Text = "what the cluster maintains is not known: " + in.cluster.Obligations.Unknown
	case what != "" && !in.allowsStop():
		for _, name := range taken {
			in.desired.put(name)
		}
		g.Held = true
		g.Text = "the cluster maintains " + what + `; "` + allowStopMaintenance + `": true lets it be suspended`
	case len(in.cluster.Replicas) == 0: // suspended already
		return nil
	case what != "":
		g.Text = "suspending stops the maintenance of " + what
	case in.cluster.Obligations.Indexes > 0:
		g.Text = "suspending gives up " + count(in.cluster.Obligations.Indexes, "index") + ", to be built anew on waking"
	default:
		return nil
	}
	return []Guard{g}
}

// allowsStop tells whether the row of idle_suspend lets maintenance stop.
func (in guardInput) allowsStop() bool {
	return slices.ContainsFunc(in.strategies, func(r running) bool {
		return r.name == idleSuspend && r.config.Bool(allowStopMaintenance)
	})
}

// binding lists what others rely on; empty: nothing.
func (o Obligations) binding() string {
	var what []string
	for _, kind := range []struct {
		n    int64
		noun string
	}{{o.Sinks, "sink"}, {o.Sources, "source"}, {o.MaterializedViews, "materialized view"}} {
		if kind.n > 0 {
			what = append(what, count(kind.n, kind.noun))
		}
	}
	return strings.Join(what, ", ")
}
