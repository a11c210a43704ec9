package engine

import "fmt"

// Shape is what there is to set of a managed cluster; the server makes the replicas.
type Shape struct {
	Size   string
	Factor int64  // how many replicas of the size; 0: the cluster is suspended
	Burst  string // the HYDRATION SIZE of its AUTO SCALING STRATEGY; empty: none
}

// String says it in a few words: 100cc x 2, bursts to 400cc.
func (s Shape) String() string {
	text := fmt.Sprintf("%s x %d", s.Size, s.Factor)
	if s.Burst != "" {
		text += ", bursts to " + s.Burst
	}
	return text
}

// Reconfiguration is a change of a managed cluster that is under way: replicas of the new shape hydrate beside the old ones.
type Reconfiguration struct {
	Size     string
	Factor   int64
	Since    *Timestamp // nil: not known
	Deadline *Timestamp // when the server gives it up; nil: not known
}

// String says what it leads to, and until when it may last.
func (r Reconfiguration) String() string {
	text := fmt.Sprintf("a reconfiguration to %s x %d is under way", r.Size, r.Factor)
	if r.Deadline != nil {
		text += ", at the latest until " + r.Deadline.String()
	}
	return text
}

// Change is who changed a cluster, and when.
type Change struct {
	By string // role
	At Timestamp
}

// FailedReconfiguration is the last change of a managed cluster, where the server gave it up.
type FailedReconfiguration struct {
	Size   string
	Factor int64
	Status string // in the server's words: timed-out, resource-exhausted
}

// ScheduleManual is the schedule of a cluster whose replicas do not come and go by a schedule of the server's own.
const ScheduleManual = "manual"

// ManualSchedule tells whether it is not the server that decides when the cluster has replicas.
func (c *ClusterState) ManualSchedule() bool { return c.Schedule == "" || c.Schedule == ScheduleManual }

// Heading is the shape that a managed cluster comes to if nobody does anything: the one that it has, or that of the change under way.
func (c *ClusterState) Heading() Shape {
	shape := *c.Shape
	if r := c.Reconfiguring; r != nil {
		shape.Size, shape.Factor = r.Size, r.Factor
	}
	return shape
}

// Steady lists the replicas of a managed cluster that are of the size that it has.
func (c *ClusterState) Steady() []Replica {
	var steady []Replica
	for _, r := range c.Replicas {
		if r.Size == c.Shape.Size {
			steady = append(steady, r)
		}
	}
	return steady
}

// BurstReplica is the replica that the server added to a managed cluster while none was ready; nil: there is none.
func (c *ClusterState) BurstReplica() *Replica {
	var burst *Replica
	for i, r := range c.Replicas {
		if r.Size == c.Shape.Burst && r.Size != c.Heading().Size && r.Size != c.Shape.Size && (burst == nil || r.Name < burst.Name) {
			burst = &c.Replicas[i]
		}
	}
	return burst
}
