package reconcile

import (
	"context"
	"errors"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"mzproxy/engine"
)

// Rechecker is an Observer that can look again at less.
type Rechecker interface {
	// Recheck reads anew, of the only cluster of a snapshot, what may speak against creating a replica: its
	// name, its strategies, its replicas and whether they are ready. The rest is as it was seen. A cluster that
	// is gone is left out.
	Recheck(ctx context.Context, seen engine.Snapshot) (engine.Snapshot, error)
}

// What was observed counts as fresh for so long: later, a last look reads everything anew.
const freshFor = 2 * time.Second

var (
	// errFenced says that somebody else may lead by now.
	errFenced = errors.New("the lease has run out")
	// errChanged says that a cluster is not what it was when the plan was made.
	errChanged = errors.New("the cluster has changed")
)

// lastLook returns nil if an action may be taken: the cluster is as it is expected to be after the actions before
// it, the n-th action is still what a plan would do, and the server says that the lease is still ours.
func (r *Reconciler) lastLook(ctx context.Context, w *clusterWork, o *Outcome, expected *engine.ClusterState, n int) error {
	r.step(stepLook)
	var s engine.Snapshot
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		s, err = r.observeAgain(groupCtx, w, o, expected, n)
		return err
	})
	group.Go(func() error { return r.confirmLead(groupCtx) })
	if err := group.Wait(); err != nil {
		return err
	}
	if len(s.Clusters) == 0 || !sameView(expected, &s.Clusters[0]) {
		return errChanged
	}
	a := o.Plan.Actions[n]
	if n > 0 && a.Op == engine.OpCreate {
		return nil // what the plan rests on is as it was
	}
	if n > 0 {
		s.Clusters[0].State = expected.State // the payloads from before the actions
	}
	s.Clusters[0].RecentActions = expected.RecentActions // of which this one is one by now
	again := r.cfg.Planner.Plan(s).Clusters[0].Actions
	if n == 0 && !sameStatements(o.Plan.Actions, again) || !slices.ContainsFunc(again, func(b engine.Action) bool { return b.SQL == a.SQL }) {
		return errChanged
	}
	return nil
}

// observeAgain observes a cluster before its n-th action. A plan that only creates rests on little, which is read quicker; one that drops
// rests on everything.
func (r *Reconciler) observeAgain(ctx context.Context, w *clusterWork, o *Outcome, expected *engine.ClusterState, n int) (engine.Snapshot, error) {
	drops := slices.ContainsFunc(o.Plan.Actions[n:], func(a engine.Action) bool { return a.Op == engine.OpDrop })
	if n > 0 {
		drops = o.Plan.Actions[n].Op == engine.OpDrop
	}
	if drops || time.Since(o.began) > freshFor || n == 0 && w.actedSince(o.began) {
		return r.observe(ctx, []string{o.Plan.ID})
	}
	return r.recheck(ctx, o, expected)
}

// recheck reads anew what may speak against creating a replica.
func (r *Reconciler) recheck(ctx context.Context, o *Outcome, expected *engine.ClusterState) (engine.Snapshot, error) {
	rechecker, ok := r.cfg.Observer.(Rechecker)
	if !ok {
		return r.observe(ctx, []string{o.Plan.ID})
	}
	s := o.snapshot
	s.Clusters = []engine.ClusterState{*expected}
	return rechecker.Recheck(ctx, s)
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
	if a.Name != b.Name || a.Managed != b.Managed || !sameReplicas(a, b) {
		return false
	}
	before, after := engine.NewestRows(a.Strategies), engine.NewestRows(b.Strategies)
	if len(before) != len(after) {
		return false
	}
	for kind, row := range before {
		other, ok := after[kind]
		if !ok || string(other.Config) != string(row.Config) {
			return false
		}
	}
	return true
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
