package engine

import (
	"context"
	"sync"
	"time"
)

// How long events are gathered before a look. A statement's own look, which follows
// its commit at once, comes first this way.
const gather = 60 * time.Millisecond

// Run keeps the clusters as their strategies say until ctx ends, and returns
// when its last look is over. Errors are logged and tried again.
func (r *Reconciler) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if r.cfg.Leader != nil {
		wg.Go(func() { r.cfg.Leader.Run(ctx, func() { r.schedule.addAll(time.Now()) }) })
	}
	if r.cfg.Watcher != nil {
		wg.Go(func() { r.watch(ctx) })
	}
	r.schedule.addAll(time.Now())
	for {
		ids, all, wait := r.schedule.take(time.Now())
		if (all || len(ids) > 0) && (r.cfg.Leader == nil || r.cfg.Leader.Leading()) {
			r.turn(ctx, &wg, ids, all)
		}
		if all {
			r.schedule.addAll(time.Now().Add(r.cfg.Resync))
			continue
		}
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

// turn looks at what is due. Looks run beside one another, so that a slow cluster
// delays nobody else.
func (r *Reconciler) turn(ctx context.Context, wg *sync.WaitGroup, ids []string, all bool) {
	if all {
		wg.Go(func() { r.lookAgain(ctx, "resync") })
	}
	if len(ids) > 0 {
		wg.Go(func() { r.lookAgain(ctx, "due", ids...) })
	}
}

// lookAgain takes a look, and another one soon if the world could not be read.
func (r *Reconciler) lookAgain(ctx context.Context, kind string, ids ...string) {
	err := r.settleOnce(ctx)
	if err == nil {
		_, err = r.Look(ctx, Trigger{Kind: kind}, ids...)
	}
	if err == nil || ctx.Err() != nil {
		return
	}
	r.logLook(ctx, err)
	soon := time.Now().Add(time.Second)
	for _, id := range ids {
		r.schedule.add(id, soon)
	}
	if len(ids) == 0 {
		r.schedule.addAll(soon)
	}
}

// settleOnce settles what an earlier life, or a lost connection, left open.
func (r *Reconciler) settleOnce(ctx context.Context) error {
	if !r.unsettled.CompareAndSwap(true, false) {
		return nil
	}
	err := r.settle(ctx)
	if err != nil {
		r.unsettled.Store(true)
	}
	return err
}

func (r *Reconciler) logLook(ctx context.Context, err error) {
	if ctx.Err() == nil {
		r.cfg.Logger.WithError(err).Warn("look failed; trying again")
	}
}

// watch turns events into looks. While the watcher is down, all clusters are
// polled every second.
func (r *Reconciler) watch(ctx context.Context) {
	for backoff := 100 * time.Millisecond; ctx.Err() == nil; backoff = min(2*backoff, 10*time.Second) {
		err := r.cfg.Watcher.Watch(ctx, func() {
			backoff = 100 * time.Millisecond
			r.schedule.addAll(time.Now()) // what happened before is found by looking
		}, func(ids ...string) {
			at := time.Now().Add(gather)
			for _, id := range ids {
				r.schedule.add(id, at)
			}
			if len(ids) == 0 {
				r.schedule.addAll(at)
			}
		})
		if ctx.Err() != nil {
			return
		}
		r.cfg.Logger.WithError(err).Warn("watching failed; polling until it works again")
		for until := time.Now().Add(backoff); ctx.Err() == nil && time.Now().Before(until); {
			r.schedule.addAll(time.Now())
			sleep(ctx, min(backoff, time.Second))
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
