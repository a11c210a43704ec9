package strategy

import (
	"strings"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// existing returns the replica behind a member of the desired set; nil: it is only planned.
func existing(c *engine.ClusterState, spec engine.ReplicaSpec) *engine.Replica {
	return c.Replica(spec.Name)
}

// firstReady returns the first replica of a list that exists and is ready, or nil.
func firstReady(c *engine.ClusterState, specs []engine.ReplicaSpec) *engine.Replica {
	for _, spec := range specs {
		if r := existing(c, spec); r != nil && c.Ready(*r) {
			return r
		}
	}
	return nil
}

// firstAwaiting says of the first replica of a list that waits for nothing but sources that run on it alone which one that is; empty: there
// is none.
func firstAwaiting(c *engine.ClusterState, specs []engine.ReplicaSpec) string {
	for _, spec := range specs {
		if r := existing(c, spec); r != nil && r.Awaits() != "" {
			return r.Awaits()
		}
	}
	return ""
}

// cooling is the decision of a strategy that rests.
func cooling(in engine.Input) engine.Decision {
	return engine.Decision{Verb: engine.VerbHold, Text: "cooling down", Until: in.CooledAt}
}

// none is the decision of a strategy that has nothing to wish for.
func none(why string) engine.Decision {
	return engine.Decision{Verb: engine.VerbNone, Text: why}
}

// create is the decision to add one replica.
func create(name, size, why string) engine.Decision {
	return engine.Decision{Verb: engine.VerbCreate, Text: pgtext.QuoteIdent(name) + " (" + size + "): " + why,
		Step: engine.Step{Add: []engine.Addition{{ReplicaSpec: engine.ReplicaSpec{Name: name, Size: size}, Why: why}}}}
}

// drop is the decision to remove replicas, of which there is at least one.
func drop(removals ...engine.Removal) engine.Decision {
	names := make([]string, len(removals))
	for i, r := range removals {
		names[i] = pgtext.QuoteIdent(r.Name)
	}
	return engine.Decision{Verb: engine.VerbDrop, Text: strings.Join(names, ", ") + ": " + removals[0].Why, Step: engine.Step{Remove: removals}}
}

// alter is the decision to set something of a managed cluster.
func alter(set engine.Setting) engine.Decision {
	return engine.Decision{Verb: engine.VerbAlter, Text: set.Why, Step: engine.Step{Set: []engine.Setting{set}}}
}
