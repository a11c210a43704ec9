package reconcile

import (
	"context"
	"slices"
	"sync"
	"time"
)

const (
	lookAgainAfter = time.Second // after a look that failed
	pruneEvery     = time.Hour
	pruneCheck     = 20 * time.Second // how often the time is checked
)

// Run keeps the clusters as their strategies say until ctx ends, and returns
// when its last look is over. Errors are logged and tried again.
func (r *Reconciler) Run(ctx context.Context) error {
	var leader sync.WaitGroup
	lead, stopLeading := context.WithCancel(context.WithoutCancel(ctx))
	defer leader.Wait()
	defer stopLeading() // after the last look, which needs the lease
	if r.cfg.Leader != nil {
		leader.Go(func() { r.cfg.Leader.Run(lead, r.elected) })
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	if r.cfg.Watcher != nil {
		wg.Go(func() { r.watch(ctx) })
	}
	if !r.cfg.Observe {
		wg.Go(func() { r.prune(ctx) })
	}
	r.schedule.addAll(time.Now(), "resync")
	for {
		ids, all, wait := r.schedule.take(time.Now())
		r.turn(ctx, &wg, ids, all)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-r.schedule.wake:
			timer.Stop()
		}
	}
}

// elected begins a time of leadership: the leader before may have left something open.
func (r *Reconciler) elected() {
	r.intentions.doubt()
	r.schedule.addAll(time.Now(), "resync")
}

// turn looks at what is due. Looks run beside one another, so that a slow cluster
// delays nobody else. Who does not lead does not act: everything is looked at
// when that changes.
func (r *Reconciler) turn(ctx context.Context, wg *sync.WaitGroup, ids map[string][]string, all string) {
	if all != "" {
		r.schedule.addAll(time.Now().Add(r.cfg.Resync), "resync")
		wg.Go(func() { r.lookAround(ctx, wg, all) })
	}
	for why, ids := range ids {
		wg.Go(func() { r.lookAgain(ctx, why, ids) })
	}
}

// lookAround looks at all clusters. It is over when they are observed: what has to be done about one of
// them does not keep the others from being looked at again.
func (r *Reconciler) lookAround(ctx context.Context, wg *sync.WaitGroup, why string) {
	defer r.schedule.overAll()
	if !r.leading() {
		r.see(ctx, nil)
		return
	}
	seen, err := r.survey(ctx, false, nil)
	if err == nil && !r.cfg.Observe {
		err = r.load(ctx)
	}
	if err != nil {
		if r.trouble.Swap(&err) == nil {
			r.logLook(ctx, err)
		}
		r.schedule.addAll(time.Now().Add(lookAgainAfter), why)
		return
	}
	if r.trouble.Swap(nil) != nil {
		r.cfg.Logger.Info("the clusters can be looked at again")
	}
	r.lookedAround()
	wg.Go(func() {
		_, err := r.lookAtEach(ctx, Trigger{Kind: why}, seen, func(string) {})
		r.logLook(ctx, err)
	})
}

// lookAgain looks at clusters that are due. Each is free for the next look as soon as its own is over.
func (r *Reconciler) lookAgain(ctx context.Context, why string, ids []string) {
	ids = slices.DeleteFunc(ids, func(id string) bool {
		busy := r.work(id).busy() // whoever is at it looks again
		if busy {
			r.schedule.over(id)
		}
		return busy
	})
	if len(ids) == 0 {
		return
	}
	var seen []*Outcome
	var err error
	if r.leading() {
		seen, err = r.survey(ctx, false, ids)
	} else {
		r.see(ctx, ids)
	}
	if err != nil {
		for _, id := range ids {
			r.schedule.add(id, time.Now().Add(lookAgainAfter), why)
		}
	}
	there := map[string]bool{}
	for _, o := range seen {
		there[o.Plan.ID] = true
	}
	for _, id := range ids {
		if !there[id] {
			r.schedule.over(id)
		}
	}
	if err == nil {
		_, err = r.lookAtEach(ctx, Trigger{Kind: why}, seen, r.schedule.over)
	}
	r.logLook(ctx, err)
}

// see looks without acting, for those who have to know which clusters may be asleep.
func (r *Reconciler) see(ctx context.Context, ids []string) {
	if r.cfg.Seen != nil {
		_, err := r.survey(ctx, false, ids)
		r.logLook(ctx, err)
	}
}

func (r *Reconciler) logLook(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		r.cfg.Logger.WithError(err).Warn("look failed; trying again")
	}
}

// prune drops old rows now and then.
func (r *Reconciler) prune(ctx context.Context) {
	var last time.Time
	for sleep(ctx, pruneCheck) {
		if !r.leading() || time.Since(last) < pruneEvery {
			continue
		}
		last = time.Now()
		if err := r.cfg.Recorder.Prune(ctx); err != nil && ctx.Err() == nil {
			r.cfg.Logger.WithError(err).Warn("old rows are not pruned; trying again later")
		}
	}
}
