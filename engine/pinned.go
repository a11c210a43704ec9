package engine

import (
	"slices"
	"strconv"
	"strings"
)

// PinnedSource is a source that the server runs on one replica of its cluster alone, as it does with the ingestions from
// databases. It stays on the replica that was the oldest when it came there; when that is dropped, it restarts on the oldest that is left.
type PinnedSource struct {
	Name    string
	Replica string // that it runs on; empty: none
}

// Restart is what dropping a replica does to the sources that run on it alone.
type Restart struct {
	Sources []string // sorted
	Replica string   // on which they restart
}

// String says it in one line: source "s" restarts on r_x.
func (r Restart) String() string {
	quoted := make([]string, len(r.Sources))
	for i, name := range r.Sources {
		quoted[i] = `"` + name + `"`
	}
	if len(quoted) == 1 {
		return "source " + quoted[0] + " restarts on " + r.Replica
	}
	return "sources " + strings.Join(quoted, ", ") + " restart on " + r.Replica
}

// pinnedTo lists the sources that run on a replica alone, sorted.
func (c *ClusterState) pinnedTo(replica string) []string {
	var names []string
	for _, s := range c.Pinned {
		if s.Replica == replica {
			names = append(names, s.Name)
		}
	}
	slices.Sort(names)
	return names
}

// serves tells whether a replica is ready, or would be but for sources that run on it alone: what it serves, no other one serves better.
func (c *ClusterState) serves(r Replica) bool { return c.Ready(r) || r.Awaits() != "" }

// olderReplica orders replicas by age: the server gives ids in ascending order. Where these are not known, the time of their
// creation tells, and without that the name has to.
func olderReplica(a, b Replica) int {
	x, errX := strconv.ParseUint(strings.TrimLeft(a.ID, "u"), 10, 64)
	y, errY := strconv.ParseUint(strings.TrimLeft(b.ID, "u"), 10, 64)
	switch {
	case errX == nil && errY == nil && x != y:
		if x < y {
			return -1
		}
		return 1
	case a.CreatedAt != nil && b.CreatedAt != nil && a.CreatedAt.Compare(*b.CreatedAt) != 0:
		return a.CreatedAt.Compare(*b.CreatedAt)
	}
	return strings.Compare(a.Name, b.Name)
}

// Oldest returns the oldest replica, on which the server starts a pinned source; nil: there is none.
func (c *ClusterState) Oldest() *Replica {
	if len(c.Replicas) == 0 {
		return nil
	}
	oldest := slices.MinFunc(c.Replicas, olderReplica)
	return c.Replica(oldest.Name)
}

// mindSources puts the actions of a cluster with pinned sources in the order in which these restart least, and notes where they
// do. What is to stay is created before what only helps, for sources run on the oldest replica. A replica with sources is dropped last,
// when only what stays is left for them.
func mindSources(c *ClusterState, d *DesiredState, creates, drops []Action) {
	if len(c.Pinned) == 0 {
		return
	}
	slices.SortStableFunc(creates, func(a, b Action) int { return number(d.helps(a.Replica)) - number(d.helps(b.Replica)) })
	slices.SortStableFunc(drops, func(a, b Action) int {
		return number(len(c.pinnedTo(a.Replica)) > 0) - number(len(c.pinnedTo(b.Replica)) > 0)
	})
	left := slices.Clone(c.Replicas)
	slices.SortFunc(left, olderReplica)
	for _, a := range creates {
		left = append(left, Replica{Name: a.Replica})
	}
	moved := map[string][]string{} // by the replica that they are on now
	for i := range drops {
		name := drops[i].Replica
		left = slices.DeleteFunc(left, func(r Replica) bool { return r.Name == name })
		sources := slices.Concat(c.pinnedTo(name), moved[name])
		if len(sources) == 0 || len(left) == 0 {
			continue
		}
		next := left[0].Name
		moved[next] = append(moved[next], sources...)
		if !slices.ContainsFunc(drops[i:], func(a Action) bool { return a.Replica == next }) { // otherwise they go on from there
			slices.Sort(sources)
			drops[i].Restart = &Restart{sources, next}
		}
	}
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}
