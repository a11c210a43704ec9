package intercept

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
)

// How long SHOW waits for fresh data while older ones are there.
const freshWait = 2 * time.Second

// How many different answers to SHOW STRATEGY ACTIONS are kept.
const maxKeptActions = 64

// view keeps what was last read, for when the server is slow or away.
type view struct {
	mu       sync.Mutex
	observed kept[observation]
	catalog  kept[engine.Catalog]
	actions  map[reconcile.ActionFilter]kept[[]reconcile.ActionRecord]
}

// observation is all clusters with strategies, and what is planned for them.
type observation struct {
	snapshot engine.Snapshot
	plan     engine.Plan
}

// kept is a value with the time at which it was read.
type kept[T any] struct {
	value T
	at    time.Time // zero: never
}

// freshOrKept reads anew, or returns the latest value and notes its age in the table.
func freshOrKept[T any](ctx context.Context, last kept[T], t *table, read func(context.Context) (T, error)) (kept[T], error) {
	if !last.at.IsZero() && !t.age.since.IsZero() { // once is enough to wait for a server that is away
		t.age.rests(last.at, t.age.why)
		return last, nil
	}
	fresh := ctx
	if !last.at.IsZero() {
		var cancel context.CancelFunc
		fresh, cancel = context.WithTimeout(ctx, freshWait)
		defer cancel()
	}
	value, err := read(fresh)
	if err == nil {
		return kept[T]{value, time.Now()}, nil
	}
	if last.at.IsZero() || ctx.Err() != nil {
		return last, unreachable(ctx, err)
	}
	t.age.rests(last.at, err)
	return last, nil
}

// age is how old the data of an answer are that could not be read anew, and why.
type age struct {
	since time.Time // zero: they are fresh
	why   error
}

// rests notes that something rests on data of that time.
func (a *age) rests(at time.Time, why error) {
	if a.since.IsZero() || at.Before(a.since) {
		a.since, a.why = at, why
	}
}

// warning tells of old data, if there are any.
func (a *age) warning(said func(error) string) []*proxy.Notice {
	if a.since.IsZero() {
		return nil
	}
	message, mends := "the controller gets no answer from the server", remedy(a.why)
	if mends != "" {
		message = "the controller cannot read what it needs"
	}
	return []*proxy.Notice{notice(severityWarning, sqlstate(a.why), message,
		fmt.Sprintf("What follows is %s old. %s", elapsed(time.Since(a.since)), said(a.why)), mends)}
}

// elapsed is a duration for people.
func elapsed(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%d s", max(1, int(d.Seconds())))
	}
	return d.Round(time.Second).String()
}

// observe returns all clusters with strategies.
func (i *Interceptor) observe(ctx context.Context, t *table) (engine.Snapshot, engine.Plan, error) {
	now, err := freshOrKept(ctx, i.observed(), t, i.look)
	i.keep(now)
	return now.value.snapshot, now.value.plan, err
}

// observedSince returns all clusters with strategies, as they were at most so long ago.
func (i *Interceptor) observedSince(ctx context.Context, trust time.Duration) (observation, error) {
	if last := i.observed(); !last.at.IsZero() && time.Since(last.at) < trust {
		return last.value, nil
	}
	value, err := i.look(ctx)
	if err == nil {
		i.keep(kept[observation]{value, time.Now()})
	}
	return value, err
}

func (i *Interceptor) look(ctx context.Context) (observation, error) {
	s, plan, err := i.cfg.Engine.Explain(ctx)
	if err == nil && s.Stale != "" {
		err = errors.New(s.Stale)
	}
	return observation{s, plan}, err
}

func (i *Interceptor) observed() kept[observation] {
	i.view.mu.Lock()
	defer i.view.mu.Unlock()
	return i.view.observed
}

func (i *Interceptor) keep(now kept[observation]) {
	i.view.mu.Lock()
	defer i.view.mu.Unlock()
	if now.at.After(i.view.observed.at) {
		i.view.observed = now
	}
}

// known returns the clusters and sizes that exist, or did a while ago.
func (i *Interceptor) known(ctx context.Context, t *table) (engine.Catalog, error) {
	i.view.mu.Lock()
	last := i.view.catalog
	i.view.mu.Unlock()
	now, err := freshOrKept(ctx, last, t, i.cfg.Catalog.Catalog)
	i.view.mu.Lock()
	defer i.view.mu.Unlock()
	if now.at.After(i.view.catalog.at) {
		i.view.catalog = now
	}
	return now.value, err
}

// actions returns audit rows.
func (i *Interceptor) actions(ctx context.Context, t *table, filter reconcile.ActionFilter) ([]reconcile.ActionRecord, error) {
	i.view.mu.Lock()
	last := i.view.actions[filter]
	i.view.mu.Unlock()
	now, err := freshOrKept(ctx, last, t, func(ctx context.Context) ([]reconcile.ActionRecord, error) {
		return i.cfg.Store.Actions(ctx, filter)
	})
	i.view.mu.Lock()
	defer i.view.mu.Unlock()
	if i.view.actions == nil || len(i.view.actions) >= maxKeptActions {
		i.view.actions = map[reconcile.ActionFilter]kept[[]reconcile.ActionRecord]{}
	}
	if err == nil {
		i.view.actions[filter] = now
	}
	return now.value, err
}

// catalog returns the clusters and sizes that exist now.
func (i *Interceptor) catalog(ctx context.Context) (engine.Catalog, error) {
	catalog, err := i.cfg.Catalog.Catalog(ctx)
	if err != nil {
		return catalog, unreachable(ctx, err)
	}
	return catalog, nil
}
