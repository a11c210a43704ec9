package reconcile

import (
	"context"
	"time"

	"mzproxy/engine"
)

// Watcher tells of changes as they happen.
type Watcher interface {
	// Watch calls changed for every change, and returns when it can watch no longer. It calls up
	// once it sees all that happens from then on.
	Watch(ctx context.Context, up func(), changed func(Change)) error
}

// Change is something that happened to a cluster.
type Change struct {
	ClusterID string // empty: to any of them
	// Strategies says that what is stored for the cluster changed, rather than
	// the cluster itself.
	Strategies bool
}

const (
	// gather is how long events are gathered before a look.
	gather = 25 * time.Millisecond
	// gatherWrites is the same where rows of strategies have changed. A statement's own look, which knows who asked and
	// follows its commit at once, comes first this way, also on a busy machine; rows that were written around the proxy can wait.
	gatherWrites = 250 * time.Millisecond
	// Waits before a watcher that failed is started again.
	firstRewatch = 100 * time.Millisecond
	lastRewatch  = 10 * time.Second
)

// watch turns events into looks. A watcher that fails is started again, with
// backoff.
func (r *Reconciler) watch(ctx context.Context) {
	backoff := firstRewatch
	lost := false // told of by the log
	for {
		watching := false
		err := r.cfg.Watcher.Watch(ctx, func() {
			watching = true
			if lost {
				lost = false
				r.cfg.Logger.Info("watching again: changes are noticed as they happen")
			}
			r.schedule.addAll(time.Now(), "resync") // what happened before is found by looking
		}, r.changed)
		if watching {
			backoff = firstRewatch
		}
		if ctx.Err() != nil {
			return
		}
		if !lost {
			lost = true
			r.cfg.Logger.WithField("why", Said(err)).Warn("the connection that tells of changes is lost; nothing is decided until it is there again")
		}
		if !sleep(ctx, backoff) {
			return
		}
		backoff = min(2*backoff, lastRewatch)
	}
}

// changed makes an event a look, unless it is about a cluster that has nothing
// to do with strategies.
func (r *Reconciler) changed(c Change) {
	at := time.Now().Add(gather)
	if c.Strategies {
		at = time.Now().Add(gatherWrites)
	}
	if c.ClusterID == "" || c.ClusterID == engine.AllClusters {
		r.schedule.addAll(at, "event")
		return
	}
	w := r.work(c.ClusterID)
	if c.Strategies {
		w.concern()
	}
	if !w.isForeign() {
		w.notice()
		r.schedule.add(c.ClusterID, at, "event")
	}
}

// sleep tells whether it came to its end.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
