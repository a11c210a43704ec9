package reconcile

import (
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"mzproxy/engine"
)

// ActionRecord is a row of mz_cluster_strategy_actions.
type ActionRecord struct {
	ActionID  string
	ClusterID string
	SQL       string
	Context   DecisionContext
	Executed  *bool // nil: the intention is written, the result is open
	Error     string
	CreatedAt time.Time
}

// DecisionContext is the decision_ctx of an ActionRecord.
type DecisionContext struct {
	Trigger     string         `json:"trigger"`
	Role        string         `json:"role,omitempty"`
	Application string         `json:"application,omitempty"`
	Client      string         `json:"client,omitempty"`
	Strategies  []string       `json:"strategies,omitempty"`
	Reasons     []string       `json:"reasons,omitempty"`
	Op          string         `json:"op,omitempty"`
	Cluster     string         `json:"cluster,omitempty"` // its name in the statement
	Replica     string         `json:"replica,omitempty"`
	ReplicaID   string         `json:"replica_id,omitempty"` // of one that is dropped, or was created
	Size        string         `json:"size,omitempty"`
	Alter       *AlterContext  `json:"alter,omitempty"` // of a managed cluster
	Signals     map[string]any `json:"signals,omitempty"`
	SQLState    string         `json:"sqlstate,omitempty"` // of the error
	// State is what the strategies' payloads are once the action is executed.
	State map[string]json.RawMessage `json:"state,omitempty"`
}

// AlterContext is what an action sets of a managed cluster.
type AlterContext struct {
	From    ShapeContext    `json:"from"`
	To      ShapeContext    `json:"to"`
	Options []engine.Option `json:"options"`
	By      []string        `json:"by"`
}

// ShapeContext is a shape of a managed cluster.
type ShapeContext struct {
	Size   string `json:"size"`
	Factor int64  `json:"replication_factor"`
	Burst  string `json:"hydration_burst,omitempty"`
}

// alteration is the action that a row tells of; nil: it is another one.
func (r ActionRecord) alteration() *engine.Alteration {
	a := r.Context.Alter
	if a == nil {
		return nil
	}
	return &engine.Alteration{ClusterID: r.ClusterID, From: engine.Shape(a.From), To: engine.Shape(a.To), Options: a.Options, By: a.By}
}

// Subject is what the action is about, in a few words.
func (r ActionRecord) Subject() string {
	return engine.Action{Replica: r.Context.Replica, Alter: r.alteration()}.Subject()
}

// ActionFilter selects ActionRecords.
type ActionFilter struct {
	ClusterID string // empty: all
	Limit     int    // 0: 20
}

func newRecord(trigger Trigger, o *Outcome, a engine.Action) ActionRecord {
	c := DecisionContext{
		Trigger: trigger.Kind, Role: trigger.Role, Application: trigger.Application, Client: trigger.Client,
		Op: string(a.Op), Cluster: o.Plan.Name, Replica: a.Replica, Size: a.Size, Signals: signals(o), State: map[string]json.RawMessage{},
	}
	if a.Alter != nil {
		c.Alter = &AlterContext{ShapeContext(a.Alter.From), ShapeContext(a.Alter.To), a.Alter.Options, a.Alter.By}
	}
	if replica := o.Before.Replica(a.Replica); replica != nil {
		c.ReplicaID = replica.ID
	}
	for _, reason := range a.Reasons {
		c.Strategies = append(c.Strategies, reason.Strategy)
		c.Reasons = append(c.Reasons, reason.Text)
		if payload, ok := o.Plan.State[reason.Strategy]; ok {
			if o.suspendedBy(reason.Strategy) && a.Op == engine.OpDrop {
				payload = o.Before.Suspending(reason.Strategy, payload)
			}
			c.State[reason.Strategy] = payload
		}
	}
	return ActionRecord{ActionID: uuid.NewString(), ClusterID: o.Plan.ID, SQL: a.SQL, Context: c, CreatedAt: o.Now.Time}
}

// suspendedBy tells whether a strategy takes all replicas of the cluster.
func (o *Outcome) suspendedBy(strategy string) bool {
	return slices.ContainsFunc(o.Plan.Decisions, func(d engine.Decision) bool { return d.Strategy == strategy && d.Verb == engine.VerbSuspend })
}

// signals is what was looked at, for the audit row.
func signals(o *Outcome) map[string]any {
	c := &o.Before
	replicas := map[string]any{}
	for _, replica := range c.Replicas {
		replicas[replica.Name] = map[string]any{"size": replica.Size, "online": replica.Online, "ready": c.Ready(replica),
			"oom_count": replica.OOMCount, "crash_count": replica.CrashCount}
	}
	out := map[string]any{"objects": c.Objects, "replicas": replicas}
	if c.Reconfiguring != nil {
		out["reconfiguring"] = ShapeContext{Size: c.Reconfiguring.Size, Factor: c.Reconfiguring.Factor}
	}
	if c.LastActivity != nil {
		out["last_activity"] = c.LastActivity.String()
	}
	if c.ActivityUnknown != "" {
		out["activity_unknown"] = c.ActivityUnknown
	}
	return out
}

// result is a completed row as the action that it tells of.
func (r ActionRecord) result() ActionResult {
	a := engine.Action{Op: engine.Op(r.Context.Op), Replica: r.Context.Replica, Size: r.Context.Size, SQL: r.SQL, Alter: r.alteration()}
	for i, text := range r.Context.Reasons {
		reason := engine.Reason{Text: text}
		if i < len(r.Context.Strategies) {
			reason.Strategy = r.Context.Strategies[i]
		}
		a.Reasons = append(a.Reasons, reason)
	}
	result := ActionResult{Action: a, ActionID: r.ActionID}
	result.Err = r.Refusal()
	return result
}

// Refusal is what the server said against the statement; nil: nothing.
func (r ActionRecord) Refusal() error {
	if r.Error == "" {
		return nil
	}
	return &ServerError{Code: r.Context.SQLState, Message: r.Error}
}

// refused notes what was said against the statement.
func (r *ActionRecord) refused(err error) {
	r.Error = Said(err)
	var e *ServerError
	if errors.As(err, &e) {
		r.Context.SQLState = e.Code
	}
}

// doneIn tells whether a snapshot of the record's cluster shows the action's
// effect.
func (r ActionRecord) doneIn(s engine.Snapshot) bool {
	for i := range s.Clusters {
		if s.Clusters[i].ID != r.ClusterID {
			continue
		}
		if a := r.alteration(); a != nil {
			return a.DoneIn(&s.Clusters[i])
		}
		replica := s.Clusters[i].Replica(r.Context.Replica)
		if r.Context.Op == string(engine.OpDrop) {
			return replica == nil || r.Context.ReplicaID != "" && replica.ID != r.Context.ReplicaID
		}
		return replica != nil && replica.Size == r.Context.Size
	}
	return r.Context.Op == string(engine.OpDrop)
}

// replicaIn is the id of the replica that the action created: as the server's record told, or else as a snapshot of the record's cluster
// shows it; empty: there is none.
func (r ActionRecord) replicaIn(s engine.Snapshot) string {
	switch {
	case r.Context.Op == string(engine.OpCreate) && r.Context.ReplicaID != "":
		return r.Context.ReplicaID
	case r.Context.Op != string(engine.OpCreate) || !r.doneIn(s):
		return ""
	}
	for i := range s.Clusters {
		if s.Clusters[i].ID == r.ClusterID {
			return s.Clusters[i].Replica(r.Context.Replica).ID
		}
	}
	return ""
}
