package reconcile_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/enginetest"
	"mzproxy/engine/reconcile"
)

func quiet() logrus.FieldLogger {
	log := logrus.New()
	log.SetOutput(io.Discard)
	return log
}

// audited is a world whose records can be read back.
type audited struct{ *world }

func (a audited) Actions(context.Context, reconcile.ActionFilter) ([]reconcile.ActionRecord, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]reconcile.ActionRecord(nil), a.records...), nil
}

// left is an intention that an earlier life left open.
func left(op engine.Op, replica, size string) reconcile.ActionRecord {
	sql := `DROP CLUSTER REPLICA "c"."` + replica + `"`
	if op == engine.OpCreate {
		sql = `CREATE CLUSTER REPLICA "c"."` + replica + `" (SIZE '` + size + `')`
	}
	return reconcile.ActionRecord{ActionID: "left", ClusterID: "u_c", SQL: sql, CreatedAt: time.Now(), Context: reconcile.DecisionContext{
		Trigger: "event", Op: string(op), Replica: replica, Size: size, Strategies: []string{"target_size"},
		State: map[string]json.RawMessage{"target_size": json.RawMessage(`{"last_decision_ts":"2000-01-01T00:00:00Z","more":1}`)},
	}}
}

// What an earlier life left open is settled by looking.
func TestSettle(t *testing.T) {
	wants := enginetest.Strategy("target_size", small)
	tests := []struct {
		name    string
		cluster engine.ClusterState
		left    reconcile.ActionRecord
		ago     time.Duration
		soon    []string // after a second
		late    []string // after five minutes
	}{
		{"created", enginetest.Cluster("c", wants, enginetest.Hydrating("r_25cc", "25cc")), left(engine.OpCreate, "r_25cc", "25cc"), time.Second,
			[]string{"create r_25cc executed"}, nil},
		{"not created yet, and wanted", enginetest.Cluster("c", wants), left(engine.OpCreate, "r_25cc", "25cc"), time.Second,
			[]string{"create r_25cc executed"}, nil},
		{"not created yet, and not wanted", enginetest.Cluster("c"), left(engine.OpCreate, "r_25cc", "25cc"), time.Second,
			[]string{"create r_25cc open"}, []string{}},
		{"created with another size", enginetest.Cluster("c", enginetest.Ready("r_25cc", "50cc")), left(engine.OpCreate, "r_25cc", "25cc"), time.Second,
			[]string{"create r_25cc open"}, []string{}},
		{"old", enginetest.Cluster("c"), left(engine.OpCreate, "r_25cc", "25cc"), time.Hour,
			[]string{}, nil},
		{"dropped", enginetest.Cluster("c", wants, enginetest.Ready("r_25cc", "25cc")), left(engine.OpDrop, "x", ""), time.Second,
			[]string{"drop x executed"}, nil},
		{"not dropped yet", enginetest.Cluster("c", wants, enginetest.Ready("r_25cc", "25cc"), enginetest.Ready("x", "50cc")), left(engine.OpDrop, "x", ""), time.Second,
			[]string{"drop x executed"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(test.cluster)
				test.left.CreatedAt = time.Now().Add(-test.ago)
				w.records = append(w.records, test.left)
				running(t, w.reconciler(t, reconcile.Config{}))
				settle(time.Second)
				equal(t, "soon", test.soon, nonNil(w.actions()))
				if test.late == nil {
					test.late = test.soon
				}
				settle(5 * time.Minute)
				equal(t, "late", test.late, nonNil(w.actions()))
			})
		})
	}
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// The state is what the action would have left: cooldown, memory, and whose the replica is.
func TestSettleRecallsState(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Ready("r_25cc", "25cc"), enginetest.Strategy("target_size", small), enginetest.State("burst", `{"kept":true}`)))
		w.records = append(w.records, left(engine.OpCreate, "r_25cc", "25cc"))
		running(t, w.reconciler(t, reconcile.Config{}))
		settle(time.Second)
		w.change("u_c", func(c *engine.ClusterState) {
			if string(c.State["target_size"]) != `{"last_decision_ts":"2000-01-01T00:00:00Z","more":1}` || string(c.State["burst"]) != `{"kept":true}` || c.CreatedBy["r_25cc"] != "target_size" {
				t.Errorf("state: %s, %v", c.State, c.CreatedBy)
			}
		})
	})
}

// The answer to a statement is lost, and the server works on: once it is done, it is recorded once.
func TestAnswerLost(t *testing.T) {
	for name, outlasts := range map[string]time.Duration{"done at once": 0, "done while it is tried again": 500 * time.Millisecond, "done much later": 20 * time.Second} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
				first := true
				w.onExecute = func(a engine.Action) error {
					if !first {
						return nil
					}
					first = false
					if outlasts == 0 {
						_ = w.obey(a)
					} else {
						time.AfterFunc(outlasts, func() { _ = w.obey(a) })
					}
					return errors.Join(reconcile.ErrNoAnswer, errors.New("connection lost"))
				}
				running(t, w.reconciler(t, reconcile.Config{}))
				settle(10 * time.Minute)
				equal(t, "actions", []string{"create r_25cc executed"}, w.actions())
				equal(t, "replicas", []string{"r_25cc"}, w.names("u_c"))
			})
		})
	}
}

// The tables are out of reach for a while after an action: it is recorded later, as what it was.
func TestRecordedLater(t *testing.T) {
	for _, what := range []string{"begin", "state", "finish"} {
		for name, refusal := range map[string]error{"executed": nil, "failed": errors.New("no room at the inn")} {
			t.Run(what+"/"+name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
					w.onExecute = func(engine.Action) error {
						w.mu.Lock()
						w.onExecute = nil
						w.mu.Unlock()
						return refusal
					}
					until := time.Now().Add(10 * time.Second)
					w.onRecord = func(w string) error {
						if w == what && time.Now().Before(until) {
							return errors.New("out of reach")
						}
						return nil
					}
					running(t, w.reconciler(t, reconcile.Config{}))
					settle(10 * time.Minute)
					want := []string{"create r_25cc executed"}
					if refusal != nil {
						want = []string{"create r_25cc failed", "create r_25cc executed"}
					}
					equal(t, "actions", want, w.actions())
					w.change("u_c", func(c *engine.ClusterState) {
						if c.CreatedBy["r_25cc"] != "target_size" {
							t.Errorf("created by: %v", c.CreatedBy)
						}
					})
				})
			})
		}
	}
}

// A statement that is refused because somebody else was faster leaves no row: the other one's tells of it.
func TestFaster(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(enginetest.Cluster("c", enginetest.Strategy("target_size", small)))
		w.onExecute = func(a engine.Action) error { return w.obey(a) } // and then again
		r := w.reconciler(t, reconcile.Config{})
		outcomes, err := r.Look(t.Context(), reconcile.Trigger{Kind: "statement"}, "u_c")
		if err != nil || len(outcomes[0].Results) != 0 {
			t.Errorf("%+v, %v", outcomes, err)
		}
		equal(t, "actions", nil, w.actions())
		equal(t, "replicas", []string{"r_25cc"}, w.names("u_c"))
	})
}
