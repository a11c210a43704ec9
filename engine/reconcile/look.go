package reconcile

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sirupsen/logrus"
	"golang.org/x/sync/errgroup"

	"mzproxy/engine"
)

// At most so many clusters are acted on at one time.
const parallelLooks = 64

// How often a plan is made anew because the cluster changes while it is looked at.
const maxPlans = 5

// survey observes clusters at once and plans for each. now says that it has to be by the strategies as they are now.
func (r *Reconciler) survey(ctx context.Context, now bool, ids []string) ([]*Outcome, error) {
	began := time.Now()
	observe := r.observe
	_, lags := r.cfg.Observer.(Rereader)
	if now && lags {
		observe = r.reread
	}
	s, err := observe(ctx, ids)
	if err != nil {
		return nil, err
	}
	planner := r.planner.Load()
	plan := planner.Plan(s)
	if r.cfg.Seen != nil {
		r.cfg.Seen(s.Now, planner.Sleepers(&s, &plan), ids)
	}
	seen := make([]*Outcome, len(plan.Clusters))
	for i := range seen {
		seen[i] = &Outcome{Before: s.Clusters[i], Plan: plan.Clusters[i], Now: s.Now, snapshot: s, began: began, reread: now || !lags}
		w := r.work(s.Clusters[i].ID)
		w.saw(&s.Clusters[i], began)
		r.becameReady(w, &s.Clusters[i], s.Now)
	}
	return seen, nil
}

// lookAtEach takes a look at each of the clusters that were just seen, and calls over with its id when
// that is done. They do not wait for one another.
func (r *Reconciler) lookAtEach(ctx context.Context, trigger Trigger, seen []*Outcome, over func(id string)) ([]Outcome, error) {
	outcomes := make([]Outcome, len(seen))
	errs := make([]error, len(seen))
	var group errgroup.Group
	group.SetLimit(parallelLooks)
	for i, o := range seen {
		group.Go(func() error {
			defer over(o.Plan.ID)
			outcomes[i] = *o
			acted, err := r.lookAt(ctx, trigger, o.Plan.ID, o)
			if acted != nil {
				outcomes[i] = *acted
			}
			errs[i] = err
			return nil // one cluster's trouble is not the others'
		})
	}
	_ = group.Wait()
	return outcomes, errors.Join(errs...)
}

// lookAt takes a look at one cluster together with all others who want one now. seen, if
// set, is a fresh observation of it. The outcome is nil if there is no such cluster.
func (r *Reconciler) lookAt(ctx context.Context, trigger Trigger, id string, seen *Outcome) (*Outcome, error) {
	w := r.work(id)
	if !trigger.asked() && w.busy() {
		return seen, nil // whoever is at it looks again
	}
	for {
		l, first := w.join(trigger, seen)
		if first {
			r.lead(ctx, w, l, id)
		}
		select {
		case <-l.over:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if !first && errors.Is(l.err, context.Canceled) && ctx.Err() == nil {
			continue // who led the look has gone
		}
		if l.outcome == nil {
			return nil, l.err
		}
		o := *l.outcome
		if !trigger.Since.IsZero() {
			o.Results = w.since(trigger.Since)
		}
		return &o, l.err
	}
}

// lead takes the shared look: what is open about the cluster is settled first.
func (r *Reconciler) lead(ctx context.Context, w *clusterWork, l *sharedLook, id string) {
	defer close(l.over)
	if l.err = w.acquire(ctx); l.err != nil {
		return
	}
	if l.seen != nil && w.outdated(l.seen.began) {
		l.seen = nil
	}
	if !r.cfg.Observe {
		var settled bool
		if settled, l.err = r.settle(ctx, id); settled {
			l.seen = nil
		}
	}
	if l.err == nil {
		l.outcome, l.err = r.look(ctx, l.trigger, w, id, l.seen)
	}
	if l.outcome != nil {
		r.planNext(w, l.outcome)
	}
	if l.err == nil {
		w.takeNoticed()
	}
	again := w.release()
	switch {
	case l.err != nil:
		r.schedule.add(id, time.Now().Add(lookAgainAfter), "retry")
	case again:
		r.schedule.add(id, time.Now(), "event")
	}
}

// look observes, plans, and carries the plan out, each action after a last look: a plan is applied only if the
// cluster still looks as it did when the plan was made. Otherwise a new plan is made.
func (r *Reconciler) look(ctx context.Context, trigger Trigger, w *clusterWork, id string, seen *Outcome) (*Outcome, error) {
	o := seen
	for range maxPlans {
		var err error
		if o, err = r.planOn(ctx, trigger.asked(), id, o); o == nil {
			return nil, err
		}
		r.logPlan(w, o)
		w.wants(o.Plan.Actions)
		switch {
		case r.cfg.Observe:
			o.Observe = len(o.Plan.Actions) > 0
			return o, nil
		case len(o.Plan.Actions) == 0:
			return o, r.remember(ctx, o)
		}
		err = r.newPass(trigger, w, o).carryOut(ctx)
		if !errors.Is(err, errChanged) {
			return o, err
		}
		if len(o.Results) > 0 {
			r.schedule.add(id, time.Now(), "event")
			return o, nil
		}
		o = nil
	}
	r.schedule.add(id, time.Now().Add(lookAgainAfter), "event")
	return r.planFor(ctx, false, id)
}

// planOn returns a plan that may be carried out: what is done follows from the strategies as they are now, not from those of a moment ago. seen may be nil.
func (r *Reconciler) planOn(ctx context.Context, now bool, id string, seen *Outcome) (*Outcome, error) {
	var err error
	if seen == nil {
		seen, err = r.planFor(ctx, now, id)
	}
	if seen == nil || len(seen.Plan.Actions) == 0 || seen.reread {
		return seen, err
	}
	return r.planFor(ctx, true, id)
}

// planFor observes one cluster and plans for it; nil: there is no such cluster.
func (r *Reconciler) planFor(ctx context.Context, now bool, id string) (*Outcome, error) {
	seen, err := r.survey(ctx, now, []string{id})
	if len(seen) == 0 {
		return nil, err
	}
	return seen[0], nil
}

// planNext notes when the cluster is to be looked at again.
func (r *Reconciler) planNext(w *clusterWork, o *Outcome) {
	now := time.Now()
	if at := w.nextRetry(); at.After(now) {
		r.schedule.add(o.Plan.ID, at, "retry")
	}
	for _, at := range []*engine.Timestamp{o.Plan.NextLook, o.Before.SettledAt} {
		if at != nil {
			r.schedule.add(o.Plan.ID, now.Add(max(0, at.Sub(o.Now.Time))+time.Millisecond), "due")
		}
	}
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
