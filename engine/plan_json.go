package engine

import (
	"bytes"
	"encoding/json"
)

// MarshalJSON is the plan format:
//
//	{"now", "clusters": [{"id", "name", "desired": [{"name", "size"}],
//	  "actions": [{"op", "replica", "size", "sql", "reasons", "restart"}],
//	  "errors": [{"strategy", "code", "message"}], "state": {type: payload},
//	  "guards": [{"guard", "strategy", "held", "message"}]}]}
//
// Of a managed cluster, desired is [{"size", "replication_factor", "hydration_burst"}], and actions is at most one
// {"op", "sql", "set": {the same keys, those that change}, "reset": [keys], "reasons"}.
//
// Every field is present, but for "size", which is for create only, "restart", which is for a drop that moves sources, and "guards",
// which is there where one has something to say (testdata/plans/README.md tells what).
func (p Plan) MarshalJSON() ([]byte, error) {
	clusters := make([]clusterJSON, 0, len(p.Clusters))
	for _, c := range p.Clusters {
		clusters = append(clusters, c.json())
	}
	return marshal(struct {
		Now      string        `json:"now"`
		Clusters []clusterJSON `json:"clusters"`
	}{p.Now.String(), clusters})
}

// MarshalJSON is the cluster's entry of the plan format.
func (p ClusterPlan) MarshalJSON() ([]byte, error) { return marshal(p.json()) }

type clusterJSON struct {
	ID      string                     `json:"id"`
	Name    string                     `json:"name"`
	Desired []any                      `json:"desired"`
	Actions []any                      `json:"actions"`
	Errors  []problemJSON              `json:"errors"`
	State   map[string]json.RawMessage `json:"state"`
	Guards  []guardJSON                `json:"guards,omitempty"`
}

type specJSON struct {
	Name string `json:"name"`
	Size string `json:"size"`
}

type actionJSON struct {
	Op      Op       `json:"op"`
	Replica string   `json:"replica"`
	Size    *string  `json:"size,omitempty"`
	SQL     string   `json:"sql"`
	Reasons []string `json:"reasons"`
	Restart *string  `json:"restart,omitempty"`
}

type shapeJSON struct {
	Size   string  `json:"size"`
	Factor int64   `json:"replication_factor"`
	Burst  *string `json:"hydration_burst"`
}

func (s Shape) json() shapeJSON {
	j := shapeJSON{Size: s.Size, Factor: s.Factor}
	if s.Burst != "" {
		j.Burst = &s.Burst
	}
	return j
}

type alterJSON struct {
	Op      Op             `json:"op"`
	SQL     string         `json:"sql"`
	Set     map[string]any `json:"set"`
	Reset   []string       `json:"reset"`
	Reasons []string       `json:"reasons"`
}

// keys are the options as keys of the plan format.
var keys = map[Option]string{OptionSize: "size", OptionFactor: "replication_factor", OptionBurst: "hydration_burst"}

func (a Action) json() any {
	reasons := []string{}
	for _, r := range a.Reasons {
		reasons = append(reasons, r.Text)
	}
	if a.Alter == nil {
		entry := actionJSON{Op: a.Op, Replica: a.Replica, SQL: a.SQL, Reasons: reasons}
		if a.Op == OpCreate {
			entry.Size = &a.Size
		}
		if a.Restart != nil {
			text := a.Restart.String()
			entry.Restart = &text
		}
		return entry
	}
	entry := alterJSON{Op: a.Op, SQL: a.SQL, Set: map[string]any{}, Reset: []string{}, Reasons: reasons}
	for _, o := range a.Alter.Options {
		switch {
		case o == OptionFactor:
			entry.Set[keys[o]] = a.Alter.To.Factor
		case a.Alter.To.value(o) == "":
			entry.Reset = append(entry.Reset, keys[o])
		default:
			entry.Set[keys[o]] = a.Alter.To.value(o)
		}
	}
	return entry
}

type problemJSON struct {
	Strategy *string     `json:"strategy"`
	Code     ProblemCode `json:"code"`
	Message  string      `json:"message"`
}

type guardJSON struct {
	Guard    GuardName `json:"guard"`
	Strategy *string   `json:"strategy"`
	Held     bool      `json:"held"`
	Message  string    `json:"message"`
}

func (p ClusterPlan) json() clusterJSON {
	c := clusterJSON{ID: p.ID, Name: p.Name, State: p.State,
		Desired: []any{}, Actions: []any{}, Errors: []problemJSON{}}
	if c.State == nil {
		c.State = map[string]json.RawMessage{}
	}
	if p.Shape != nil {
		c.Desired = append(c.Desired, p.Shape.json())
	} else {
		for _, d := range p.Desired {
			c.Desired = append(c.Desired, specJSON(d))
		}
	}
	for _, a := range p.Actions {
		c.Actions = append(c.Actions, a.json())
	}
	for _, e := range p.Problems {
		entry := problemJSON{Code: e.Code, Message: e.Message}
		if e.Code != ManagedCluster && e.Code != SystemCluster {
			entry.Strategy = &e.Strategy
		}
		c.Errors = append(c.Errors, entry)
	}
	for _, g := range p.Guards {
		entry := guardJSON{Guard: g.Name, Held: g.Held, Message: g.Text}
		if g.Strategy != "" {
			entry.Strategy = &g.Strategy
		}
		c.Guards = append(c.Guards, entry)
	}
	return c
}

// marshal is json.Marshal without the escapes that HTML would need.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}
