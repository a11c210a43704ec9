// Package engine decides what clusters should be. Package reconcile brings them there.
//
// # The cycle
//
//	 Observer                                                          Executor, Recorder
//	    |                                                                  ^
//	    v                                                                  |
//	Snapshot --> StrategyCoordinator --> DesiredState --> guards --> StateDiffer --> Plan
//	(values)      |            ^              ^                                  (values)
//	              v            |              |
//	           Strategy ... Decision --> ConflictResolver
//	           (by priority, each on the result of the one before)
//
// Everything between Snapshot and Plan is in this package, and a pure function: values in, values out, no clock, no network, no map
// order. The same snapshot gives the same plan, byte for byte. Package reconcile has what stands around it.
//
// One Plan value feeds EXPLAIN STRATEGY, the what-if, the notices, log lines, audit rows and the apply step, so that they
// cannot disagree.
//
// # Vocabulary
//
// A Snapshot is one moment of the clusters concerned. A ClusterState is one of them: its replicas, the strategies
// configured for it, the signals (activity, hydration, crashes), and the payloads that earlier plans left.
//
// A replica is ready if it can serve: online, and all that has to hydrate on it is hydrated. What is not known is
// not hydrated, and is in use.
//
// A Strategy looks at its Input and returns a Decision: the Step that it wants (additions and removals), and words for it.
// The Registry knows all of them, with the one table of parameters that validation, planning and SHOW STRATEGY TYPES read.
//
// The ConflictResolver takes steps into the DesiredState, the set of replicas that should exist. Its mode is PRIORITY: the later
// word counts. Who asked for what stays known: every Action has at least one Reason, every wish that was overruled is a Conflict.
//
// A Guard stands above the strategies: it holds wishes back (a pause, a limit of the server, the last ready replica), and says so.
//
// The StateDiffer turns the distance between ClusterState and DesiredState into a list of Actions: creates, then drops.
//
// A Problem is a finding about what a user stored, for example a config that is wrong. It is data in the plan and never a Go error: the other
// strategies go on.
//
// A payload is what a strategy keeps between plans, above all the time of its last decision, from which the cooldown counts. An Orphan is a replica whose
// strategy is gone.
package engine
