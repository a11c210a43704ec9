package engine

import (
	"cmp"
	"encoding/json"
	"slices"
)

// Plan is the decision about all clusters of a snapshot. One value feeds
// EXPLAIN STRATEGY, the what-if, notices, log lines, audit rows, metrics and
// the apply step, so that they cannot disagree.
type Plan struct {
	Now      Timestamp
	Clusters []ClusterPlan
}

// ClusterPlan is the decision about one cluster.
type ClusterPlan struct {
	ID, Name string
	Desired  []ReplicaSpec // sorted by name; of a managed cluster, what there is
	Shape    *Shape        // that a managed cluster should have; nil: it is another one
	Actions  []Action      // creates, then drops; of a managed cluster one at most
	Problems []Problem
	State    map[string]json.RawMessage // strategy type to the payload to store

	// Decisions has an entry for each strategy that ran, in that order.
	Decisions []Decision
	Conflicts []Conflict
	// Guards is what held a wish back, or warned.
	Guards []Guard
	// Orphans are replicas that stay although the strategy that wanted them is
	// gone.
	Orphans []Orphan
	// NextLook is when the mere passing of time may change the decision; nil:
	// never. NextLookCause names who says so.
	NextLook      *Timestamp
	NextLookCause string
	// Waiting is set while a desired replica is not ready: its hydration will
	// change the decision.
	Waiting bool

	CreditsBefore, CreditsAfter float64 // per hour

	// TimedOut are the payloads to store in place of those in State, by strategy type, should the server give the action up because it took
	// too long.
	TimedOut map[string]json.RawMessage
}

// Problem is a finding about what a user stored: data, not a Go error.
type Problem struct {
	Strategy string // strategy type; empty: the cluster as a whole
	Code     ProblemCode
	Message  string
}

// ProblemCode is the kind of a Problem.
type ProblemCode string

// The problem codes.
const (
	ManagedCluster       ProblemCode = "managed_cluster"
	SystemCluster        ProblemCode = "system_cluster"
	UnknownStrategy      ProblemCode = "unknown_strategy"
	ExperimentalDisabled ProblemCode = "experimental_disabled"
	BadConfig            ProblemCode = "bad_config"
	BadState             ProblemCode = "bad_state"
	UnreadableRow        ProblemCode = "unreadable_row"
	UnapprovedRow        ProblemCode = "unapproved"
)

// sortProblems brings problems into the order of the plan format. The empty
// strategy, which is null there, comes first.
func sortProblems(problems []Problem) {
	slices.SortFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Strategy, b.Strategy), cmp.Compare(a.Code, b.Code))
	})
}

// finish fills in what follows from decisions and actions: the state to store,
// the next look, and whether a replica is waited for.
func (p *ClusterPlan) finish(s *Snapshot, cluster *ClusterState, strategies []running, ended []ended) {
	for _, e := range ended {
		if !s.Observe && p.acts(e.strategy) {
			p.State[e.strategy] = readPayload(cluster.State[e.strategy]).next(s.Now, true, e.acting)
		}
	}
	for i := range strategies {
		r, d := &strategies[i], &p.Decisions[i]
		acted, remember := !s.Observe && p.acts(r.name), d.Remember
		if acted && d.Acting != nil {
			remember = d.Acting
		}
		p.State[r.name] = r.payload.next(s.Now, acted, remember)
		if acted && d.TimedOut != nil {
			p.TimedOut = map[string]json.RawMessage{r.name: r.payload.next(s.Now, true, d.TimedOut)}
		}
		p.lookAt(s.Now, d.Until, d.Strategy)
	}
	for _, g := range p.Guards {
		p.lookAt(s.Now, g.Until, string(g.Name))
	}
	if p.Shape != nil {
		p.Waiting = cluster.Reconfiguring != nil || len(p.Actions) > 0 || cluster.readySteady() < p.Shape.Factor
		return
	}
	for _, spec := range p.Desired {
		if r := cluster.Replica(spec.Name); r == nil || !cluster.Ready(*r) {
			p.Waiting = true
		}
	}
}

// acts tells whether a strategy asked for one of the actions.
func (p *ClusterPlan) acts(strategy string) bool {
	for i := range p.Actions {
		if slices.ContainsFunc(p.Actions[i].Reasons, func(r Reason) bool { return r.Strategy == strategy }) {
			return true
		}
	}
	return false
}

func (p *ClusterPlan) lookAt(now Timestamp, at *Timestamp, cause string) {
	if at == nil || at.Compare(now) <= 0 {
		return
	}
	if p.NextLook == nil || at.Compare(*p.NextLook) < 0 {
		p.NextLook, p.NextLookCause = at, cause
	}
}
