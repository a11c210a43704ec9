package strategy

import (
	"fmt"
	"slices"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

// Burst adds a second, larger replica while no other one is ready, and takes
// it away again when one is.
type Burst struct{}

var _ engine.Shaper = Burst{}

const (
	maxDuration = "max_duration_s"
	bursting    = "bursting" // the phase
	gaveUp      = "gave_up"  // payload: what a burst did not help
)

// Info describes the strategy.
func (Burst) Info() engine.TypeInfo {
	return engine.TypeInfo{
		Name: "burst", Priority: 2, Temporary: true, AutoScaling: true,
		Summary: "adds a replica while no other one is ready",
		Parameters: []engine.ParameterInfo{
			{Name: "burst_replica_size", Kind: engine.KindSize, Required: true, Headline: true, Meaning: "the size of the added replica"},
			{Name: maxDuration, Kind: engine.KindNumber, Least: "> 0", Unit: "seconds", Default: "3600", Meaning: "a burst not ready in this time is given up"},
			engine.Cooldown,
		},
	}
}

// Decide looks at the desired set: what others planned counts, too.
func (Burst) Decide(in engine.Input) engine.Decision {
	size := in.Config.Text("burst_replica_size")
	own, name := burstReplicas(in)
	all := in.Desired.Specs()
	sameSize := slices.IndexFunc(all, func(spec engine.ReplicaSpec) bool { return spec.Size == size })
	others := all[:0:0]
	for _, spec := range all {
		if spec.Name != name && !slices.Contains(own, spec.Name) {
			others = append(others, spec)
		}
	}
	ready, awaiting := firstReady(in.Cluster, others), firstAwaiting(in.Cluster, others)
	switch {
	case in.Cooling:
		d := cooling(in)
		if len(own) > 0 && ready == nil {
			d.Phase = bursting
		}
		return d
	case ready != nil:
		return helped(in, own, ready.Name+" is ready")
	case awaiting != "":
		return helped(in, own, awaiting)
	case len(own) > 0:
		return running(in, in.Cluster.Replica(own[0]), others)
	case len(others) == 0:
		return none("no other replica to help")
	case sameSize >= 0:
		return none(all[sameSize].Name + " has the burst size " + size)
	case in.Payload.Text(gaveUp) == shape(size, others):
		return engine.Decision{Verb: engine.VerbHold, Text: "an earlier burst did not help; not tried again until the replicas change"}
	}
	return create(name, size, "no replica is ready")
}

// burstReplicas are the burst replicas that exist, and the name for one to come. By the record it is known whose a replica is, so that neither
// another name of the cluster nor of the replica matters; without one, the name decides.
func burstReplicas(in engine.Input) (own []string, name string) {
	name = in.Cluster.Name + "_burst"
	if in.Own == nil {
		if in.Cluster.Replica(name) != nil {
			own = []string{name}
		}
		return own, name
	}
	for n := 2; in.Cluster.Replica(name) != nil; n++ {
		name = fmt.Sprintf("%s_burst_%d", in.Cluster.Name, n)
	}
	return in.Own, name
}

// helped ends a burst, if there is one: another replica is as ready as a burst can help it to be.
func helped(in engine.Input, own []string, why string) engine.Decision {
	d := none(why)
	var ends []engine.Removal
	for _, name := range own {
		if in.Desired.Has(name) {
			ends = append(ends, engine.Removal{Name: name, Why: why})
		}
	}
	if len(ends) > 0 {
		d = drop(ends...)
	}
	if in.Payload.Has(gaveUp) {
		d.Remember = map[string]any{gaveUp: nil}
	}
	return d
}

// running gives up a burst that is not ready in time. Where it cannot be told since when it runs, or
// whether it is ready, it stays.
func running(in engine.Input, burst *engine.Replica, others []engine.ReplicaSpec) engine.Decision {
	hold := engine.Decision{Verb: engine.VerbHold, Phase: bursting, Text: "waits for another replica to be ready"}
	if len(others) == 0 {
		return hold
	}
	age, over := expired(in, burst, &hold)
	if !over {
		return hold
	}
	d := drop(engine.Removal{Name: burst.Name, Why: fmt.Sprintf("did not help for %ss (limit %ss)", age.Floor(), longest(in.Config).Floor())})
	d.Remember = map[string]any{gaveUp: shape(burst.Size, others)}
	return d
}

// longest is how many seconds a burst may take to be ready.
func longest(c engine.Config) engine.Number { return c.Number(maxDuration, engine.Whole(3600)) }

// Shape has the server burst by itself. What the server does not do is to give a burst up that does not help.
func (Burst) Shape(in engine.Input) engine.Decision {
	size, heading := in.Config.Text("burst_replica_size"), in.Desired.Shape()
	tried := pgtext.QuoteLiteral(size) + "; " + pgtext.QuoteLiteral(heading.Size)
	helping := in.Cluster.BurstReplica()
	ready := firstReady(in.Cluster, steady(in.Cluster))
	switch {
	case in.NoAutoScaling != "":
		return engine.Decision{Verb: engine.VerbHold, Text: in.NoAutoScaling}
	case in.Cluster.BurstUnknown != "":
		return engine.Decision{Verb: engine.VerbHold, Text: "it is not known whether the cluster has an AUTO SCALING STRATEGY: " + in.Cluster.BurstUnknown}
	case in.Cooling && heading.Burst != heading.Size:
		d := cooling(in)
		if helping != nil && ready == nil {
			d.Phase = bursting
		}
		return d
	case size == heading.Size && heading.Burst == size:
		return alter(engine.Setting{Option: engine.OptionBurst, Why: "the cluster has the burst size " + size})
	case size == heading.Size || size == in.Cluster.Shape.Size:
		return none("the cluster has the burst size " + size)
	case ready == nil && in.Payload.Text(gaveUp) == tried:
		return engine.Decision{Verb: engine.VerbHold, Text: "an earlier burst did not help; not tried again until the size of the cluster changes"}
	case heading.Burst != size:
		d := alter(engine.Setting{Option: engine.OptionBurst, Size: size, Why: "the hydration size is not " + size})
		return forgive(in, d, ready)
	case helping == nil || ready != nil:
		return forgive(in, none("the server bursts to "+size+" while no replica is ready"), ready)
	}
	return lasting(in, helping, tried)
}

// forgive forgets what did not help once a replica is ready without.
func forgive(in engine.Input, d engine.Decision, ready *engine.Replica) engine.Decision {
	if ready != nil && in.Payload.Has(gaveUp) {
		d.Remember = map[string]any{gaveUp: nil}
	}
	return d
}

// steady are the replicas that the server's burst is to help.
func steady(c *engine.ClusterState) []engine.ReplicaSpec {
	var specs []engine.ReplicaSpec
	for _, r := range c.Steady() {
		specs = append(specs, engine.ReplicaSpec{Name: r.Name, Size: r.Size})
	}
	return specs
}

// lasting gives a burst of the server's up that is not ready in time. Where it cannot be told since when it runs, or whether it is ready, it
// stays.
func lasting(in engine.Input, burst *engine.Replica, tried string) engine.Decision {
	hold := engine.Decision{Verb: engine.VerbHold, Phase: bursting, Text: "waits for another replica to be ready"}
	age, over := expired(in, burst, &hold)
	if !over {
		return hold
	}
	d := alter(engine.Setting{Option: engine.OptionBurst, Why: fmt.Sprintf("did not help for %ss (limit %ss)", age.Floor(), longest(in.Config).Floor())})
	d.Acting = map[string]any{gaveUp: tried}
	return d
}

// expired tells whether a burst that is not ready is older than it may be, and its age; until then, it notes when that will be.
func expired(in engine.Input, burst *engine.Replica, hold *engine.Decision) (age engine.Number, over bool) {
	if in.Cluster.Ready(*burst) || burst.Hydrated == nil || burst.CreatedAt == nil {
		return engine.Number{}, false
	}
	limit := longest(in.Config)
	age = in.Now.Since(*burst.CreatedAt)
	if age.Compare(limit) > 0 {
		return age, true
	}
	if end, ok := burst.CreatedAt.Add(limit); ok {
		hold.Until = &end
	}
	return age, false
}

// shape names the burst's size and the replicas that it is to help, so that a
// change of either shows.
func shape(size string, others []engine.ReplicaSpec) string {
	text := pgtext.QuoteLiteral(size)
	for _, s := range others {
		text += "; " + pgtext.QuoteIdent(s.Name) + " " + pgtext.QuoteLiteral(s.Size)
	}
	return text
}
