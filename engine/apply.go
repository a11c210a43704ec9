package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"
)

// ClusterMemory is what is stored about a cluster between looks.
type ClusterMemory struct {
	Strategies map[string]json.RawMessage `json:"strategies"`
	// Created tells which strategy asked for a replica that the engine
	// created.
	Created map[string]string `json:"created,omitempty"`
}

// How long actions are kept for looks that came second.
const recentFor = 15 * time.Second

// Backoff after a failed action: doubled each time, with jitter.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

// apply runs the actions of a plan in order, and records each. A failed one
// stops the rest.
func (r *Reconciler) apply(ctx context.Context, trigger Trigger, w *clusterWork, o *Outcome) error {
	memory := ClusterMemory{maps.Clone(o.Before.State), maps.Clone(o.Before.CreatedBy)}
	var failed error
	for _, a := range o.Plan.Actions {
		if r.cfg.Leader != nil && !r.cfg.Leader.Leading() {
			break // fenced: whoever leads now looks for himself
		}
		record := newRecord(trigger, o, a)
		result, err := r.run(ctx, a, record)
		if err != nil {
			return err
		}
		o.Results = append(o.Results, result)
		w.note(result)
		r.logAction(o, result)
		if failed = result.Err; failed != nil {
			break
		}
		memory.took(a, o.Plan.State)
	}
	w.result(failed)
	if failed != nil && len(o.Results) == 1 {
		return nil
	}
	r.step("state")
	if err := r.cfg.Recorder.SaveState(ctx, o.Plan.ID, memory.pruned(o)); err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	r.step("done")
	return nil
}

// run executes one action: the intention is written first and completed
// after, so that a crash in between can be settled by looking.
func (r *Reconciler) run(ctx context.Context, a Action, record ActionRecord) (result ActionResult, err error) {
	r.inFlight.Store(record.ActionID, true)
	defer func() {
		if err != nil {
			r.unsettled.Store(true)
		}
		r.inFlight.Delete(record.ActionID)
	}()
	r.step("begin")
	if err := r.cfg.Recorder.Begin(ctx, record); err != nil {
		return ActionResult{}, fmt.Errorf("record intention: %w", err)
	}
	r.step("execute")
	failed := r.cfg.Executor.Execute(ctx, a)
	if failed != nil && ctx.Err() != nil {
		return ActionResult{}, fmt.Errorf("execute: %w", failed) // the outcome is not known; settled by the next start
	}
	if failed != nil {
		done, err := r.done(ctx, record)
		if err != nil {
			return ActionResult{}, fmt.Errorf("look after %w: %w", failed, err)
		}
		if done {
			failed = nil // somebody else was faster, or the answer got lost
		}
	}
	executed := failed == nil
	record.Executed = &executed
	if failed != nil {
		record.Error = failed.Error()
	}
	r.step("finish")
	if err := r.cfg.Recorder.Finish(ctx, record); err != nil {
		return ActionResult{}, fmt.Errorf("record outcome: %w", err)
	}
	return ActionResult{a, record.ActionID, failed}, nil
}

// done looks whether the world is as if an action had been executed.
func (r *Reconciler) done(ctx context.Context, record ActionRecord) (bool, error) {
	s, err := r.cfg.Observer.Observe(ctx, record.ClusterID)
	if err != nil {
		return false, err
	}
	if len(s.Clusters) == 0 {
		return record.Context.Op == string(OpDrop), nil
	}
	replica := s.Clusters[0].Replica(record.Context.Replica)
	if record.Context.Op == string(OpDrop) {
		return replica == nil, nil
	}
	return replica != nil && replica.Size == record.Context.Size, nil
}

func newRecord(trigger Trigger, o *Outcome, a Action) ActionRecord {
	c := DecisionContext{
		Trigger: trigger.Kind, Role: trigger.Role, Application: trigger.Application, Client: trigger.Client,
		Op: string(a.Op), Replica: a.Replica, Size: a.Size, Signals: signals(o),
	}
	for _, reason := range a.Reasons {
		c.Strategies = append(c.Strategies, reason.Strategy)
		c.Reasons = append(c.Reasons, reason.Text)
	}
	return ActionRecord{ActionID: uuid.NewString(), ClusterID: o.Plan.ID, SQL: a.SQL, Context: c}
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
	if c.LastActivity != nil {
		out["last_activity"] = c.LastActivity.String()
	}
	if c.ActivityUnknown != "" {
		out["activity_unknown"] = c.ActivityUnknown
	}
	return out
}

// took notes an executed action.
func (m *ClusterMemory) took(a Action, planned map[string]json.RawMessage) {
	if m.Created == nil {
		m.Created = map[string]string{}
	}
	if m.Strategies == nil {
		m.Strategies = map[string]json.RawMessage{}
	}
	for _, reason := range a.Reasons {
		if payload, ok := planned[reason.Strategy]; ok {
			m.Strategies[reason.Strategy] = payload
		}
	}
	switch a.Op {
	case OpCreate:
		m.Created[a.Replica] = a.Reasons[0].Strategy
	case OpDrop:
		delete(m.Created, a.Replica)
	}
}

// pruned forgets replicas that do not exist any more.
func (m ClusterMemory) pruned(o *Outcome) ClusterMemory {
	for name := range m.Created {
		created := false
		for _, result := range o.Results {
			created = created || result.Op == OpCreate && result.Replica == name && result.Err == nil
		}
		if !created && o.Before.Replica(name) == nil {
			delete(m.Created, name)
		}
	}
	return m
}

// remember stores what a strategy wants to keep although nothing was done.
func (r *Reconciler) remember(ctx context.Context, o *Outcome) {
	changed := false
	for _, d := range o.Plan.Decisions {
		changed = changed || d.Remember != nil
	}
	if !changed {
		return
	}
	if err := r.cfg.Recorder.SaveState(ctx, o.Plan.ID, ClusterMemory{o.Plan.State, o.Before.CreatedBy}); err != nil {
		r.cfg.Logger.WithError(err).WithField("cluster", o.Plan.Name).Warn("state not saved")
	}
}

// settle completes the intentions that a crash left open: what the world shows
// counts.
func (r *Reconciler) settle(ctx context.Context) error {
	open, err := r.cfg.Recorder.Unfinished(ctx)
	if err != nil {
		return fmt.Errorf("read open intentions: %w", err)
	}
	for _, record := range open {
		if _, working := r.inFlight.Load(record.ActionID); working {
			continue
		}
		done, err := r.done(ctx, record)
		if err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		if !done {
			if err := r.cfg.Recorder.Forget(ctx, record.ActionID); err != nil {
				return fmt.Errorf("settle: %w", err)
			}
			continue
		}
		record.Executed = &done
		if err := r.cfg.Recorder.Finish(ctx, record); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		if err := r.recall(ctx, record); err != nil {
			return fmt.Errorf("settle: %w", err)
		}
	}
	return nil
}

// recall brings the state to what an action that was settled would have left.
func (r *Reconciler) recall(ctx context.Context, record ActionRecord) error {
	s, err := r.cfg.Observer.Observe(ctx, record.ClusterID)
	if err != nil || len(s.Clusters) == 0 {
		return err
	}
	c := s.Clusters[0]
	memory := ClusterMemory{maps.Clone(c.State), maps.Clone(c.CreatedBy)}
	a := Action{Op: Op(record.Context.Op), Replica: record.Context.Replica}
	planned := map[string]json.RawMessage{}
	for _, strategy := range record.Context.Strategies {
		a.Reasons = append(a.Reasons, Reason{Strategy: strategy})
		planned[strategy] = readPayload(c.State[strategy]).next(At(record.CreatedAt), true, nil)
	}
	if len(a.Reasons) == 0 {
		return nil
	}
	memory.took(a, planned)
	return r.cfg.Recorder.SaveState(ctx, record.ClusterID, memory)
}

// note keeps a result for looks that came second.
func (w *clusterWork) note(result ActionResult) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	kept := w.recent[:0]
	for _, r := range w.recent {
		if now.Sub(r.at) < recentFor {
			kept = append(kept, r)
		}
	}
	w.recent = append(kept, recent{now, result})
}

// since returns the results that came after a moment; the zero moment gives none.
func (w *clusterWork) since(t time.Time) []ActionResult {
	if t.IsZero() {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var results []ActionResult
	for _, r := range w.recent {
		if r.at.After(t) {
			results = append(results, r.result)
		}
	}
	return results
}

// waiting tells until when a failed cluster waits. Somebody who asks is not
// kept waiting.
func (w *clusterWork) waiting(trigger Trigger) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if trigger.Kind == "statement" || trigger.Kind == "apply" || time.Now().After(w.retryAt) {
		return time.Time{}
	}
	return w.retryAt
}

func (w *clusterWork) result(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.failures, w.retryAt = 0, time.Time{}
		return
	}
	delay := min(firstRetry<<min(w.failures, 20), lastRetry)
	w.failures++
	w.retryAt = time.Now().Add(delay/2 + rand.N(delay/2))
}

func (r *Reconciler) logPlan(w *clusterWork, o *Outcome) {
	var statements []string
	for _, a := range o.Plan.Actions {
		statements = append(statements, a.SQL)
	}
	for _, p := range o.Plan.Problems {
		statements = append(statements, fmt.Sprintf("%s %s", p.Strategy, p.Code))
	}
	text := strings.Join(statements, "; ")
	w.mu.Lock()
	changed := text != w.plan
	w.plan = text
	w.mu.Unlock()
	if changed {
		r.cfg.Logger.WithFields(logrus.Fields{"cluster": o.Plan.Name, "actions": len(o.Plan.Actions), "problems": len(o.Plan.Problems), "plan": text}).Info("plan changed")
	}
}

func (r *Reconciler) logAction(o *Outcome, result ActionResult) {
	entry := r.cfg.Logger.WithFields(logrus.Fields{"cluster": o.Plan.Name, "action": string(result.Op), "replica": result.Replica, "action_id": result.ActionID})
	if result.Err != nil {
		entry.WithError(result.Err).Warn("action failed")
		return
	}
	entry.WithField("reason", result.Reasons[0].Text).Info("action executed")
}
