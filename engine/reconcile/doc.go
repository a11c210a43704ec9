// Package reconcile brings clusters to what the plans of package engine say.
//
//	Observer --> Snapshot --> engine.Planner --> Plan --> last look --> Executor
//	    ^                                                    |             |
//	    |                                                    v             v
//	 schedule <-- Watcher, clock, statements              Recorder: intention, state, outcome
//
// A Reconciler observes, plans, looks once more before it acts, runs the actions in order, and records each. It is level-triggered: what
// happened is only a reason to look (a Trigger), and what is done follows from what is there. Per cluster there is one look
// that acts at a time, shared by all who asked for it before it began.
//
// An ActionRecord is written before its statement and completed after it. One that was left open is settled by looking whether the
// statement took effect. Of several proxies in front of one server the Leader acts; the others tell their users what it did.
package reconcile
