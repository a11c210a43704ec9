package engine

import "strings"

// guardObligations keeps a cluster from being suspended while it maintains
// what others rely on, unless the row that wants it says that this is fine. What only makes
// queries fast is no obligation, but worth a word.
func guardObligations(in guardInput) []Guard {
	var said []Guard
	for _, r := range in.strategies {
		if r.info.Suspends && in.desired.takenBy(r.name) {
			said = append(said, in.obligations(r)...)
		}
	}
	return said
}

// obligations is the guard for what one strategy took.
func (in guardInput) obligations(r running) []Guard {
	g := Guard{Name: GuardObligations, Strategy: r.name}
	what := in.cluster.Obligations.binding()
	allow, _ := r.info.parameter(func(p ParameterInfo) bool { return p.AllowsStop })
	switch {
	case in.cluster.Obligations.Unknown != "" && !r.config.Bool(allow.Name):
		in.desired.giveBack(r.name)
		g.Held = true
		g.Text = "what the cluster maintains is not known: " + in.cluster.Obligations.Unknown
	case what != "" && !r.config.Bool(allow.Name):
		in.desired.giveBack(r.name)
		g.Held = true
		g.Text = "the cluster maintains " + what + `; "` + allow.Name + `": true lets it be suspended`
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
