package reconcile

import (
	"time"

	"mzproxy/engine"
)

// What led to an action, as values of a label.
const (
	causeStatement = "statement"
	causeEvent     = "event"
)

// reacted measures how long it took from what led to an action until the server had done it.
func (r *Reconciler) reacted(trigger Trigger, w *clusterWork) {
	if r.cfg.Metrics == nil {
		return
	}
	noticed, ok := w.takeNoticed()
	switch {
	case trigger.asked() && !trigger.Since.IsZero():
		r.cfg.Metrics.reaction.WithLabelValues(causeStatement).Observe(time.Since(trigger.Since).Seconds())
	case !trigger.asked() && ok:
		r.cfg.Metrics.reaction.WithLabelValues(causeEvent).Observe(time.Since(noticed).Seconds())
	}
}

// lookedAround notes that all clusters could be looked at.
func (r *Reconciler) lookedAround() {
	if r.cfg.Metrics != nil {
		r.cfg.Metrics.looked.SetToCurrentTime()
	}
}

// notice notes when an event came that is not answered yet.
func (w *clusterWork) notice() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.noticed.IsZero() {
		w.noticed = time.Now()
	}
}

// takeNoticed returns since when an event waits for an answer.
func (w *clusterWork) takeNoticed() (at time.Time, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, w.noticed = w.noticed, time.Time{}
	return at, !at.IsZero()
}

// becameReady measures the replicas of the engine's own that are ready now and were not when they were last seen.
func (r *Reconciler) becameReady(w *clusterWork, c *engine.ClusterState, now engine.Timestamp) {
	if r.cfg.Metrics == nil || !r.leading() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	waiting := map[string]bool{}
	for _, replica := range c.Replicas {
		if _, ours := c.CreatedBy[replica.Name]; !ours || replica.ID == "" {
			continue
		}
		switch {
		case !c.Ready(replica):
			waiting[replica.ID] = true
		case w.waiting[replica.ID] && replica.CreatedAt != nil:
			r.cfg.Metrics.settling.Observe(now.Sub(replica.CreatedAt.Time).Seconds())
		}
	}
	w.waiting = waiting
}
