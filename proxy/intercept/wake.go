package intercept

import (
	"context"
	"errors"
	"fmt"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/proxy/wire"
)

// DefaultWakeTimeout is how long a statement waits for its cluster.
const DefaultWakeTimeout = 5 * time.Minute

// Wake implements proxy.Waker.
func (h *handler) Wake(ctx context.Context, ended *wire.Fields, tell func(*proxy.Notice) error) error {
	cluster := *h.place.Load()
	s, ok := h.cfg.Uses.sleeper(cluster)
	if !ok && ended == nil {
		return nil
	}
	if s.asleep || ended != nil {
		for _, n := range h.settings.filter([]*proxy.Notice{notice(severityNotice, codeOK, fmt.Sprintf("cluster %s is suspended; waking it", quoted(cluster)), "", "")}) {
			if err := tell(n); err != nil {
				return err
			}
		}
	}
	if ended != nil {
		h.cfg.Catalog.Touch() // the server knows better than what was seen of it
	}
	done := h.cfg.Uses.wait(cluster)
	if ended == nil {
		patient, cancel := context.WithTimeoutCause(ctx, h.cfg.NoticeWait, errBehind)
		defer cancel()
		if err := h.awaken(patient, cluster, s.id, done); !errors.Is(err, errBehind) {
			return err
		}
		return nil // let the server say how it is: its history tells the proxy that leads, if that is another one
	}
	return h.awaken(ctx, cluster, s.id, done)
}

// awaken runs the engine until the cluster has something that can serve. Who goes away ends the wait, not the work.
func (h *handler) awaken(ctx context.Context, cluster, id string, done func()) error {
	ctx, cancel := context.WithTimeoutCause(ctx, DefaultWakeTimeout, errWakeTimeout)
	defer cancel()
	result := make(chan error, 1)
	h.looks.Go(func() {
		work, cancel := context.WithTimeout(h.life, lookTimeout)
		defer cancel()
		defer done()
		trigger := h.trigger(reconcile.TriggerWake)
		trigger.Since = time.Now()
		outcomes, err := h.cfg.Engine.Look(work, trigger, id)
		if err == nil {
			if err = woken(cluster, outcomes); err == nil {
				h.cfg.Uses.woke(cluster)
			}
		} else {
			err = unreachable(work, err)
		}
		result <- err
	})
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		if errors.Is(context.Cause(ctx), errWakeTimeout) {
			return &proxy.Error{Code: codeCancelled, Message: fmt.Sprintf("cluster %s is not awake yet", quoted(cluster)), Hint: "The work goes on; try again, or run SHOW STRATEGY STATUS."}
		}
		return context.Cause(ctx)
	}
}

var errWakeTimeout = errors.New("the cluster takes too long to wake")

// woken says why a look has not brought a cluster to where the server can serve what waits; nil: it has.
func woken(cluster string, outcomes []reconcile.Outcome) error {
	if len(outcomes) == 0 {
		return &proxy.Error{Code: codeUndefined, Message: fmt.Sprintf("unknown cluster %s", quoted(cluster))}
	}
	o := &outcomes[0]
	e := &proxy.Error{Code: codeWrongState, Message: fmt.Sprintf("cluster %s cannot be woken", quoted(cluster))}
	for _, r := range o.Results {
		switch {
		case r.Op == engine.OpDrop:
		case r.Err == nil:
			return nil
		default:
			e.Code, e.Message = sqlstate(r.Err), e.Message+": "+reconcile.Said(r.Err)
			e.Hint = "It is tried again with every statement that needs it, after a while."
		}
	}
	switch {
	case len(o.Before.Replicas) > 0 && !suspends(o):
		return nil
	case len(o.Results) > 0:
	case o.Observe:
		e.Detail, e.Hint = "The proxy only observes (--observe).", "Create a replica by hand."
	case len(o.Plan.Actions) > 0:
		if f := o.Before.Failure(o.Plan.Actions[0].SQL); f != nil {
			e.Code, e.Message = f.Code, e.Message+": "+f.Error
			e.Hint = "It is tried again after a while."
		}
	default:
		e.Detail = "No strategy wants a replica of it."
		for _, g := range o.Plan.Guards {
			if g.Held {
				e.Detail = sentence(g.Text)
			}
		}
		e.Hint = "EXPLAIN STRATEGY FOR CLUSTER tells more."
	}
	return e
}

// suspends tells whether what was seen of a cluster is about to be dropped.
func suspends(o *reconcile.Outcome) bool {
	for _, r := range o.Results {
		if r.Op == engine.OpDrop && r.Err == nil {
			return true
		}
	}
	return false
}
