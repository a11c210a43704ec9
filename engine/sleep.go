package engine

// Sleeper is a cluster that a strategy may suspend, or has suspended.
type Sleeper struct {
	ID, Name string
	// Asleep tells that there is nothing that could serve a query.
	Asleep bool
	// From is when it may be suspended at the earliest, if nobody uses it until then.
	From Timestamp
}

// Sleepers are the clusters of a plan that may be asleep at some time.
func (p Planner) Sleepers(s *Snapshot, plan *Plan) []Sleeper {
	var list []Sleeper
	for i := range plan.Clusters {
		c := &plan.Clusters[i]
		for _, d := range c.Decisions {
			if info := p.Registry.find(d.Strategy); info == nil || !info.Suspends {
				continue
			}
			sleeper := Sleeper{ID: c.ID, Name: c.Name, Asleep: s.Clusters[i].asleep(), From: s.Now}
			switch {
			case sleeper.Asleep, d.Verb == VerbSuspend:
			case d.Until != nil:
				sleeper.From = *d.Until
			default: // it holds, and does not know for how long
				continue
			}
			list = append(list, sleeper)
		}
	}
	return list
}

// asleep tells whether nothing is there that could serve a query, now or when it is up.
func (c *ClusterState) asleep() bool {
	if c.Shape != nil {
		return c.Heading().Factor == 0
	}
	return len(c.Replicas) == 0
}
