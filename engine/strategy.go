package engine

// A Strategy declares what it wants for one cluster. Each lives in a file of
// its own in engine/strategy.
type Strategy interface {
	// Info describes the strategy and its parameters: the one table that
	// validation, planning and SHOW STRATEGY TYPES read.
	Info() TypeInfo

	// Decide is pure: all that it may look at is in the input, the time
	// included.
	Decide(Input) Decision
}

// A Shaper is a Strategy that has a meaning on managed clusters, too. There it declares settings in the place of replicas. One that is none is
// refused for them, with the reason that its TypeInfo gives.
type Shaper interface {
	Strategy

	// Shape is Decide for a managed cluster.
	Shape(Input) Decision
}

// Input is everything that a strategy may look at.
type Input struct {
	Now     Timestamp
	Cluster *ClusterState
	Desired *DesiredState // as the strategies before left it; to be read only
	Sizes   []Size
	// NoAutoScaling says why a managed cluster takes no AUTO SCALING STRATEGY; empty: it does.
	NoAutoScaling string
	Config        Config
	UpdatedAt     *Timestamp // of the strategy's row
	// Cooling is set while the strategy's cooldown runs; CooledAt is its end.
	Cooling  bool
	CooledAt *Timestamp
	// Payload is what the strategy asked to be remembered, and Last is when it last acted; nil: never.
	Payload Payload
	Last    *Timestamp
	// Own are the names of the existing replicas that this strategy had created, sorted; nil where no record is kept.
	Own []string
}

// Decision is what a strategy wants, and the words for it.
type Decision struct {
	Strategy string // filled in by the coordinator
	Step     Step
	Verb     string     // create, drop, alter, hold, suspend, none
	Text     string     // what it saw and why, one line
	Phase    string     // the word for a cluster where this is what goes on, for example "bursting"; empty: none
	Until    *Timestamp // when time alone may change the decision; nil: never
	// Remember holds keys for the strategy's payload, Acting those for once an action of it was executed, and TimedOut those for once the
	// server gave the action up because it took too long; nil: nothing new.
	Remember, Acting, TimedOut map[string]any
}

// The verbs of a Decision.
const (
	VerbCreate  = "create"
	VerbDrop    = "drop"
	VerbHold    = "hold"    // something is wanted, but not now
	VerbAlter   = "alter"   // a managed cluster is set to something
	VerbSuspend = "suspend" // everything goes
	VerbNone    = "none"    // all is as wanted
)
