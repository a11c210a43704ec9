package enginetest

import (
	"context"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
)

// The fakes call the functions that are set. Without one, they see nothing and agree to everything.
var (
	_ reconcile.Observer = (*Observer)(nil)
	_ reconcile.Executor = (*Executor)(nil)
	_ reconcile.Recorder = (*Recorder)(nil)
	_ reconcile.Auditor  = (*Recorder)(nil)
	_ reconcile.Watcher  = (*Watcher)(nil)
	_ reconcile.Leader   = (*Leader)(nil)
)

// Observer is an reconcile.Observer.
type Observer struct {
	ObserveFunc func(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error)
}

// Observe calls ObserveFunc.
func (f *Observer) Observe(ctx context.Context, clusterIDs ...string) (engine.Snapshot, error) {
	if f.ObserveFunc == nil {
		return engine.Snapshot{Now: Now}, nil
	}
	return f.ObserveFunc(ctx, clusterIDs...)
}

// Executor is an reconcile.Executor.
type Executor struct {
	ExecuteFunc func(ctx context.Context, a engine.Action) error
}

// Execute calls ExecuteFunc.
func (f *Executor) Execute(ctx context.Context, a engine.Action) error {
	if f.ExecuteFunc == nil {
		return nil
	}
	return f.ExecuteFunc(ctx, a)
}

// Recorder is an reconcile.Recorder and an reconcile.Auditor.
type Recorder struct {
	BeginFunc      func(ctx context.Context, r reconcile.ActionRecord) error
	FinishFunc     func(ctx context.Context, r reconcile.ActionRecord) error
	UnfinishedFunc func(ctx context.Context) ([]reconcile.ActionRecord, error)
	ForgetFunc     func(ctx context.Context, actionID string) error
	SaveStateFunc  func(ctx context.Context, clusterID string, m reconcile.ClusterMemory) error
	PruneFunc      func(ctx context.Context) error
	ActionsFunc    func(ctx context.Context, f reconcile.ActionFilter) ([]reconcile.ActionRecord, error)
}

// Begin calls BeginFunc.
func (f *Recorder) Begin(ctx context.Context, r reconcile.ActionRecord) error {
	if f.BeginFunc == nil {
		return nil
	}
	return f.BeginFunc(ctx, r)
}

// Finish calls FinishFunc.
func (f *Recorder) Finish(ctx context.Context, r reconcile.ActionRecord) error {
	if f.FinishFunc == nil {
		return nil
	}
	return f.FinishFunc(ctx, r)
}

// Unfinished calls UnfinishedFunc.
func (f *Recorder) Unfinished(ctx context.Context) ([]reconcile.ActionRecord, error) {
	if f.UnfinishedFunc == nil {
		return nil, nil
	}
	return f.UnfinishedFunc(ctx)
}

// Forget calls ForgetFunc.
func (f *Recorder) Forget(ctx context.Context, actionID string) error {
	if f.ForgetFunc == nil {
		return nil
	}
	return f.ForgetFunc(ctx, actionID)
}

// SaveState calls SaveStateFunc.
func (f *Recorder) SaveState(ctx context.Context, clusterID string, m reconcile.ClusterMemory) error {
	if f.SaveStateFunc == nil {
		return nil
	}
	return f.SaveStateFunc(ctx, clusterID, m)
}

// Prune calls PruneFunc.
func (f *Recorder) Prune(ctx context.Context) error {
	if f.PruneFunc == nil {
		return nil
	}
	return f.PruneFunc(ctx)
}

// Actions calls ActionsFunc.
func (f *Recorder) Actions(ctx context.Context, filter reconcile.ActionFilter) ([]reconcile.ActionRecord, error) {
	if f.ActionsFunc == nil {
		return nil, nil
	}
	return f.ActionsFunc(ctx, filter)
}

// Watcher is an reconcile.Watcher.
type Watcher struct {
	WatchFunc func(ctx context.Context, up func(), changed func(reconcile.Change)) error
}

// Watch calls WatchFunc. Without one, it watches a world in which nothing happens.
func (f *Watcher) Watch(ctx context.Context, up func(), changed func(reconcile.Change)) error {
	if f.WatchFunc == nil {
		up()
		<-ctx.Done()
		return ctx.Err()
	}
	return f.WatchFunc(ctx, up, changed)
}

// Leader is an reconcile.Leader.
type Leader struct {
	RunFunc     func(ctx context.Context, elected func())
	LeadingFunc func() bool
	ConfirmFunc func(ctx context.Context) (bool, error)
}

// Run calls RunFunc. Without one, it is elected at once.
func (f *Leader) Run(ctx context.Context, elected func()) {
	if f.RunFunc == nil {
		elected()
		<-ctx.Done()
		return
	}
	f.RunFunc(ctx, elected)
}

// Leading calls LeadingFunc.
func (f *Leader) Leading() bool { return f.LeadingFunc == nil || f.LeadingFunc() }

// Confirm calls ConfirmFunc. Without one, it agrees with Leading.
func (f *Leader) Confirm(ctx context.Context) (bool, error) {
	if f.ConfirmFunc == nil {
		return f.Leading(), nil
	}
	return f.ConfirmFunc(ctx)
}
