package reconcile

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"mzproxy/engine"
)

// clusterWork is what the reconciler knows about its own work on a cluster.
type clusterWork struct {
	acting chan struct{} // holds a token while a look at the cluster is under way

	mu        sync.Mutex
	next      *sharedLook          // the look that begins when the one under way is over
	again     bool                 // something happened during a look
	concerned time.Time            // when something last spoke for the cluster having to do with strategies
	foreign   bool                 // it was seen to have none, nor replicas that the engine created
	retries   map[string]retry     // actions that failed, by their statements
	plan      string               // the statements of the last plan, for the log
	saved     time.Time            // when its state was stored last
	stored    []engine.StrategyRow // as they were last seen; nil: they were not
	noticed   time.Time            // when the event came that no look has answered yet; zero: there is none
	waiting   map[string]bool      // the engine's own replicas that were not ready when they were last seen, by id
	recent    []recent             // actions of the last seconds, for looks that came second
}

// sharedLook is one look for all who asked for it before it began.
type sharedLook struct {
	trigger Trigger
	seen    *Outcome // an observation that may stand for the first one; may be nil
	over    chan struct{}
	outcome *Outcome // nil: there is no such cluster
	err     error
}

type recent struct {
	at     time.Time
	result ActionResult
}

// How long actions are kept for looks that came second.
const recentFor = 15 * time.Second

// Backoff after a failed action: doubled each time, with jitter.
const (
	firstRetry = time.Second
	lastRetry  = 5 * time.Minute
)

func (r *Reconciler) work(id string) *clusterWork {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.clusters[id]
	if w == nil {
		w = &clusterWork{acting: make(chan struct{}, 1)}
		r.clusters[id] = w
	}
	return w
}

// concern notes that a cluster has to do with strategies.
func (w *clusterWork) concern() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.concerned, w.foreign = time.Now(), false
}

// saw notes what an observation that began at a moment shows. What was noted
// since then is newer.
func (w *clusterWork) saw(c *engine.ClusterState, began time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stored = append([]engine.StrategyRow{}, c.Strategies...)
	if w.concerned.Before(began) {
		w.foreign = len(c.Strategies) == 0 && len(c.CreatedBy) == 0 && c.BurstBy == "" && !engine.Keeps(c.State)
	}
}

// isForeign tells whether the cluster is known to have nothing to do with
// strategies, so that events about it are no reason to look.
func (w *clusterWork) isForeign() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.foreign
}

// join returns the look that begins next, and whether the caller is the one to take it. Who
// asked counts as its trigger rather than an event.
func (w *clusterWork) join(trigger Trigger, seen *Outcome) (l *sharedLook, first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.next == nil {
		w.next = &sharedLook{trigger: trigger, seen: seen, over: make(chan struct{})}
		return w.next, true
	}
	if trigger.asked() && !w.next.trigger.asked() {
		w.next.trigger = trigger
	}
	w.next.seen = nil // who joins may have changed what was seen
	return w.next, false
}

// acquire waits until no other look is under way. From then on, who comes
// needs another one.
func (w *clusterWork) acquire(ctx context.Context) error {
	var err error
	select {
	case w.acting <- struct{}{}:
	case <-ctx.Done():
		err = ctx.Err()
	}
	w.mu.Lock()
	w.next = nil
	w.mu.Unlock()
	return err
}

// outdated tells whether the state was stored since a moment. What was observed beside that may show what was done,
// and not yet what is stored about it.
func (w *clusterWork) outdated(began time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !w.saved.Before(began)
}

// saveState stores a cluster's state. The caller holds the cluster.
func (r *Reconciler) saveState(ctx context.Context, id string, m ClusterMemory) error {
	w := r.work(id)
	err := r.cfg.Recorder.SaveState(ctx, id, m)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.saved = time.Now() // also after an error: the server may have done it
	if err != nil {
		return fmt.Errorf("save state: %w", err)
	}
	return nil
}

// release ends a look and tells whether something happened meanwhile.
func (w *clusterWork) release() (again bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	again, w.again = w.again, false
	<-w.acting
	return again
}

// busy tells whether a look is under way; then it is noted that another one is
// needed.
func (w *clusterWork) busy() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.again = len(w.acting) > 0
	return w.again
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

// actedSince tells whether an action was taken after a moment of the last seconds.
func (w *clusterWork) actedSince(t time.Time) bool { return len(w.since(t)) > 0 }

// since returns the results that came after a moment.
func (w *clusterWork) since(t time.Time) []ActionResult {
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

// retry is when an action that failed is tried again.
type retry struct {
	failures int
	at       time.Time
}

// retryAt tells until when an action waits that has failed; the zero time: it does not. Somebody who asks is not
// kept waiting, but for statements that need the cluster: there may be many.
func (w *clusterWork) retryAt(trigger Trigger, statement string) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.retries[statement].at
	if trigger.asked() && trigger.Kind != TriggerWake || !time.Now().Before(at) {
		return time.Time{}
	}
	return at
}

// failed sets the time of an action's next try.
func (w *clusterWork) failed(statement string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.retries == nil {
		w.retries = map[string]retry{}
	}
	failures := w.retries[statement].failures
	delay := min(firstRetry<<min(failures, 20), lastRetry)
	w.retries[statement] = retry{failures + 1, time.Now().Add(delay/2 + rand.N(delay/2))}
}

func (w *clusterWork) succeeded(statement string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.retries, statement)
}

// wants forgets the failures of actions that a plan does not want any more.
func (w *clusterWork) wants(actions []engine.Action) {
	w.mu.Lock()
	defer w.mu.Unlock()
	maps.DeleteFunc(w.retries, func(statement string, _ retry) bool {
		return !slices.ContainsFunc(actions, func(a engine.Action) bool { return a.SQL == statement })
	})
}

// tellRetries fills in when the statements that fail are tried next, by the server's clock.
func (w *clusterWork) tellRetries(c *engine.ClusterState, now engine.Timestamp) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range c.Failures {
		if r, ok := w.retries[c.Failures[i].SQL]; ok {
			next := engine.At(now.Time.Add(max(0, time.Until(r.at))))
			c.Failures[i].Next = &next
		}
	}
}

// nextRetry is when the next of the actions that failed is tried again; the zero time: none waits.
func (w *clusterWork) nextRetry() (next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.retries {
		if next.IsZero() || r.at.Before(next) {
			next = r.at
		}
	}
	return next
}
