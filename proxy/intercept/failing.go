package intercept

import (
	"fmt"

	"mzproxy/engine"
)

// failing is an action that a plan wants and that has failed so far.
type failing struct {
	engine.Action
	engine.Failure
}

// failures lists the failing actions of a plan, in its order.
func failures(c engine.ClusterState, plan engine.ClusterPlan) []failing {
	var list []failing
	for _, a := range plan.Actions {
		if f := c.Failure(a.SQL); f != nil {
			list = append(list, failing{a, *f})
		}
	}
	return list
}

// why is what the server said, and how often.
func (f failing) why(now engine.Timestamp) string {
	return fmt.Sprintf("%s (failed %s in the last hour, last %s ago)", f.Error, count(f.Times, "time", "times"), elapsed(now.Sub(f.Last.Time)))
}

// next says when the action is tried again.
func (f failing) next(now engine.Timestamp) string {
	if f.Next == nil {
		return "tried again soon"
	}
	return "tried again at " + clockTime(now, *f.Next) + " UTC"
}

// nextTry is when the first of them is tried again, as far as that is known.
func nextTry(list []failing) *engine.Timestamp {
	var next *engine.Timestamp
	for _, f := range list {
		if f.Next != nil && (next == nil || f.Next.Compare(*next) < 0) {
			next = f.Next
		}
	}
	return next
}
