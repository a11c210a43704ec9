package mzsim

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/sirupsen/logrus"
)

// watchInterval is how often the watcher looks for commits while anybody waits for one.
const watchInterval = 10 * time.Millisecond

// watcher tells when the result of a query may have changed: after a commit of anybody, and at
// the moments at which a replica comes online or is hydrated, which follow from the clock alone.
// It looks only while somebody waits.
type watcher struct {
	pool *pgxpool.Pool
	log  logrus.FieldLogger

	mu      sync.Mutex
	waiting bool          // since the last look
	wanted  chan struct{} // gets a value when the first one waits
	changed chan struct{} // closed at the next change
}

func newWatcher(pool *pgxpool.Pool, log logrus.FieldLogger) *watcher {
	return &watcher{pool: pool, log: log, wanted: make(chan struct{}, 1), changed: make(chan struct{})}
}

// next returns a channel that is closed at the first change after the call. What was committed before is visible already.
func (w *watcher) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = true
	select {
	case w.wanted <- struct{}{}:
	default:
	}
	return w.changed
}

// moment is what can be seen at a look. Two moments that are equal, and before the due time, show the same rows.
type moment struct {
	snapshot string
	due      *time.Time // when a replica changes by itself, in real time; nil: never
}

// run looks until ctx ends.
func (w *watcher) run(ctx context.Context) {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	var last moment
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wanted:
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		now, err := w.look(ctx, last)
		if err != nil && ctx.Err() == nil {
			w.log.WithError(err).Warn("changes were not looked for")
		}
		w.tell(err != nil || now.snapshot != last.snapshot || last.due != nil && !time.Now().Before(*last.due))
		last = now
	}
}

// tell wakes those who wait, or goes on for them.
func (w *watcher) tell(changed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if changed {
		close(w.changed)
		w.changed, w.waiting = make(chan struct{}), false
		return
	}
	if w.waiting {
		select {
		case w.wanted <- struct{}{}:
		default:
		}
	}
}

// look reads the moment, given the last one: transactions that begin or end change the snapshot.
func (w *watcher) look(ctx context.Context, last moment) (moment, error) {
	now := last
	err := w.pool.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&now.snapshot)
	if err == nil && (now.snapshot != last.snapshot || last.due != nil && !time.Now().Before(*last.due)) {
		err = w.pool.QueryRow(ctx, "SELECT mz_sim.next_change()").Scan(&now.due)
	}
	if err != nil {
		return moment{}, fmt.Errorf("look for changes: %w", err)
	}
	return now, nil
}
