package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"mzproxy/engine"
)

// Rechecker is an Observer whose moments lie a little back, and that can ask the server itself where that matters.
type Rechecker interface {
	// Recheck asks what the only cluster of a snapshot is called and of what kind it is now. whole says that everything else has to be shown as of
	// no earlier moment; otherwise it is as it was seen. A cluster that is gone is left out.
	Recheck(ctx context.Context, seen engine.Snapshot, whole bool) (engine.Snapshot, error)
	// Effect asks which replicas the only cluster of a snapshot has now. The rest is as it was seen.
	Effect(ctx context.Context, seen engine.Snapshot) (engine.Snapshot, error)
}

// What was observed counts as fresh for so long: later, a last look reads everything anew.
const freshFor = 2 * time.Second

var (
	// errFenced says that somebody else may lead by now.
	errFenced = errors.New("the lease has run out")
	// errChanged says that a cluster is not what it was when the plan was made.
	errChanged = errors.New("the cluster has changed")
)

// lastLook returns nil if the action may be taken: the cluster is as it is expected to be after the actions before
// it, the action is still what a plan would do, and the server says that the lease is still ours.
func (a *attempt) lastLook(ctx context.Context) error {
	a.step(stepLook)
	var s engine.Snapshot
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		s, err = a.observeAgain(groupCtx)
		return err
	})
	group.Go(func() error { return a.confirmLead(groupCtx) })
	if err := group.Wait(); err != nil {
		return err
	}
	if len(s.Clusters) == 0 || !sameView(&a.expected, &s.Clusters[0]) || !sameRows(a.outcome.snapshot.Pauses, s.Pauses) {
		return errChanged
	}
	if a.changed() && a.action.Op == engine.OpCreate {
		return nil // what the plan rests on is as it was
	}
	if a.changed() {
		s.Clusters[0].State = a.expected.State // the payloads from before the actions
	}
	s.Clusters[0].RecentActions = a.expected.RecentActions // of which this one is one by now
	again := a.planner.Load().Plan(s).Clusters[0].Actions
	if !a.changed() && !sameStatements(a.outcome.Plan.Actions, again) || !slices.ContainsFunc(again, func(b engine.Action) bool { return b.SQL == a.action.SQL }) {
		return errChanged
	}
	return nil
}

// observeAgain observes a cluster before an action. A plan that only creates rests on little; one that drops rests on everything.
func (a *attempt) observeAgain(ctx context.Context) (engine.Snapshot, error) {
	rechecker, ok := a.cfg.Observer.(Rechecker)
	if !ok {
		return a.observe(ctx, []string{a.outcome.Plan.ID})
	}
	drops := a.action.Op != engine.OpCreate
	if !a.changed() {
		drops = slices.ContainsFunc(a.outcome.Plan.Actions, func(b engine.Action) bool { return b.Op != engine.OpCreate })
	}
	began := a.outcome.began
	s, err := rechecker.Recheck(ctx, a.seen(), drops || time.Since(began) > freshFor || !a.changed() && a.work.actedSince(began))
	if err != nil {
		return s, err
	}
	s.Observe = a.cfg.Observe
	return a.admit(ctx, nil, s, false)
}

// seen is the snapshot that the plan was made from, with what was done since.
func (a *attempt) seen() engine.Snapshot {
	s := a.outcome.snapshot
	s.Clusters = []engine.ClusterState{a.expected}
	return s
}

// effect observes what a statement has led to.
func (a *attempt) effect(ctx context.Context) (engine.Snapshot, error) {
	rechecker, ok := a.cfg.Observer.(Rechecker)
	if !ok {
		return a.observe(ctx, []string{a.outcome.Plan.ID})
	}
	s, err := rechecker.Effect(ctx, a.seen())
	if err != nil || a.record.doneIn(s) {
		return s, err
	}
	return rechecker.Recheck(ctx, s, false)
}

// confirmLead asks the server whether the lease is ours: this machine may have stood still, or somebody
// may have given the lease to another one.
func (r *Reconciler) confirmLead(ctx context.Context) error {
	if r.cfg.Leader == nil {
		return nil
	}
	holds, err := r.cfg.Leader.Confirm(ctx)
	if err == nil && !holds {
		err = errFenced
	}
	return err
}

// sameView tells whether two observations of a cluster show the same to a
// plan: time and activity aside, which show in the statements.
func sameView(a, b *engine.ClusterState) bool {
	if a.Name != b.Name || a.Managed != b.Managed || !sameReplicas(a, b) || !sameShape(a, b) {
		return false
	}
	return sameRows(a.Strategies, b.Strategies)
}

// sameShape tells whether a managed cluster is set to the same, and on its way to the same.
func sameShape(a, b *engine.ClusterState) bool {
	if a.Shape == nil || b.Shape == nil {
		return a.Shape == b.Shape
	}
	return *a.Shape == *b.Shape && a.Heading() == b.Heading() && (a.Reconfiguring == nil) == (b.Reconfiguring == nil)
}

// sameRows tells whether the rows that count say the same.
func sameRows(a, b []engine.StrategyRow) bool {
	before, after := engine.NewestRows(a), engine.NewestRows(b)
	return slices.EqualFunc(before, after, func(x, y *engine.StrategyRow) bool { return x.Type == y.Type && string(x.Config) == string(y.Config) })
}

// sameReplicas compares replicas as far as a plan rests on them. Of one
// without an id in a, the engine's own of a moment ago, only name and size are known.
func sameReplicas(a, b *engine.ClusterState) bool {
	if len(a.Replicas) != len(b.Replicas) {
		return false
	}
	for _, x := range a.Replicas {
		y := b.Replica(x.Name)
		if y == nil || x.Size != y.Size {
			return false
		}
		if x.ID != "" && (x.ID != y.ID || a.Ready(x) != b.Ready(*y)) {
			return false
		}
	}
	return true
}

func sameStatements(a, b []engine.Action) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].SQL != b[i].SQL {
			return false
		}
	}
	return true
}
