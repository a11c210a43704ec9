package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Guard is a rule that stands above the strategies and held a wish back, or
// only warns.
type Guard struct {
	Name     GuardName
	Strategy string // whose wish; empty: everybody's
	Held     bool
	Text     string
	Until    *Timestamp // when it may let go; nil: unknown
	Pause    *Pause     // of GuardPause: the one in force
	Cause    string     // of GuardLimits: Text without what it means for the replicas that are there
}

// GuardName tells the guards apart.
type GuardName string

// The guards, in the order in which they are asked.
const (
	GuardStale           GuardName = "stale"           // how things are now is not known
	GuardControlCluster  GuardName = "control_cluster" // the controller's own cluster
	GuardNativeScaling   GuardName = "native_scaling"  // the server itself scales the cluster
	GuardPause           GuardName = "pause"           // somebody asked for a pause
	GuardObligations     GuardName = "obligations"     // others rely on what the cluster maintains
	GuardReconfiguration GuardName = "reconfiguration" // a managed cluster is being changed
	GuardRateLimit       GuardName = "rate_limit"      // too many actions in a short time
	GuardLimits          GuardName = "limits"          // the server would refuse
	GuardLastReady       GuardName = "last_ready"      // the last replica that can serve
	GuardHydrationSize   GuardName = "hydration_size"  // a managed cluster may not burst to its own size
	GuardObserve         GuardName = "observe"         // nothing is executed at all
)

// guardInput is what the guards look at.
type guardInput struct {
	snapshot   *Snapshot
	prices     prices
	cluster    *ClusterState
	desired    *DesiredState
	strategies []running
	pause      *Pause
}

// guard asks every guard in turn, each on the result of the one before, and returns what
// they had to say. A guard changes the desired set only towards what is there.
// So none undoes what another one held back, and none has to be asked again.
func guard(in guardInput) []Guard {
	var said []Guard
	guards := []func(guardInput) []Guard{guardStale, guardOwner, guardPause, guardObligations, guardRate, guardLimits, guardLastReady, guardObserve}
	if in.desired.settings != nil {
		guards = []func(guardInput) []Guard{guardStale, guardOwner, guardPause, guardObligations, guardReconfiguration, guardRate, guardShapeLimits, guardLastServing, guardSameSize, guardObserve}
	}
	for _, ask := range guards {
		said = append(said, ask(in)...)
	}
	for i := range said {
		if said[i].Name == GuardLimits {
			said[i].Cause = oneLine.Replace(said[i].Text)
			said[i].Text += in.stays()
		}
		said[i].Text = oneLine.Replace(said[i].Text)
	}
	return said
}

// oneLine is for texts that hold names, or what somebody wrote.
var oneLine = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ")

// holdAll brings the desired set back to what is there. It tells whether that
// made a difference.
func (in guardInput) holdAll() bool {
	if !in.acts() {
		return false
	}
	*in.desired = *NewDesiredState(in.cluster)
	return true
}

// acts tells whether anything is left to be done.
func (in guardInput) acts() bool { return in.desired.changes() > 0 }

// guardStale holds everything where the snapshot is not of now.
func guardStale(in guardInput) []Guard {
	if in.snapshot.Stale == "" {
		return nil
	}
	return []Guard{{Name: GuardStale, Held: in.holdAll(), Text: in.snapshot.Stale}}
}

// guardOwner keeps hands off clusters whose replicas are somebody else's.
func guardOwner(in guardInput) []Guard {
	g := Guard{Name: GuardControlCluster, Text: "the controller's own cluster is not for strategies"}
	if !in.cluster.Control {
		g = Guard{Name: GuardNativeScaling, Text: "the cluster is under " + in.cluster.Native}
	}
	if !in.cluster.Control && in.cluster.Native == "" {
		return nil
	}
	if g.Held = in.holdAll(); !g.Held && len(in.strategies) == 0 {
		return nil
	}
	return []Guard{g}
}

func guardPause(in guardInput) []Guard {
	if in.pause == nil {
		return nil
	}
	return []Guard{{Name: GuardPause, Held: in.holdAll(), Text: in.pause.String(), Until: in.pause.Until, Pause: in.pause}}
}

// guardLastReady keeps the last ready replica, unless they are all
// suspended. It comes after those that hold back a part of what is wished. The rules of the
// strategies leave one by themselves, so where nothing else was held back it is silent.
func guardLastReady(in guardInput) []Guard {
	var ready []string
	for _, r := range in.cluster.Replicas {
		if !in.cluster.serves(r) {
			continue
		}
		if in.desired.Has(r.Name) {
			return nil
		}
		ready = append(ready, r.Name)
	}
	suspended := len(in.desired.wants) == 0 && in.suspends()
	if len(ready) == 0 || suspended {
		return nil
	}
	name := slices.MinFunc(ready, func(a, b string) int { // one with sources, so that these need not restart
		return cmp.Or(number(len(in.cluster.pinnedTo(b)) > 0)-number(len(in.cluster.pinnedTo(a)) > 0), strings.Compare(a, b))
	})
	by := in.desired.taken(name).by
	in.desired.put(name)
	return []Guard{{Name: GuardLastReady, Strategy: by.Strategy, Held: true, Text: name + " is the last ready replica"}}
}

// suspends tells whether a strategy that suspends took something.
func (in guardInput) suspends() bool {
	return slices.ContainsFunc(in.strategies, func(r running) bool { return r.info.Suspends && in.desired.takenBy(r.name) })
}

// guardObserve says that a proxy that only observes executes nothing. It is the
// one guard that leaves the actions in the plan: they are what it is asked for.
func guardObserve(in guardInput) []Guard {
	if !in.snapshot.Observe {
		return nil
	}
	return []Guard{{Name: GuardObserve, Held: in.acts(), Text: "the proxy only observes: nothing is executed"}}
}

// count says how many there are of something.
func count(n int64, noun string) string {
	switch {
	case n == 1:
	case noun == "index":
		noun = "indexes"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
