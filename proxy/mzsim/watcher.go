package mzsim

import (
	"context"
	"fmt"
	"strconv"
	"strings"
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
	silent  map[uint64]bool // transactions that are no reason to look
	waiting bool            // since the last look
	wanted  chan struct{}   // gets a value when the first one waits
	changed chan struct{}   // closed at the next change
}

func newWatcher(pool *pgxpool.Pool, log logrus.FieldLogger) *watcher {
	return &watcher{pool: pool, log: log, silent: map[uint64]bool{}, wanted: make(chan struct{}, 1), changed: make(chan struct{})}
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

// ignore says that nobody has to be told of a transaction when it commits: what it
// writes is found at the next look.
func (w *watcher) ignore(xid uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.silent[xid] = true
}

// moment is what can be seen at a look. Two moments with the same transactions, and before the due time, show the same rows.
type moment struct {
	snapshot
	due *time.Time // when a replica changes by itself, in real time; nil: never
}

// snapshot says which transactions have ended.
type snapshot struct {
	min, max uint64          // all before min have, none from max on
	running  map[uint64]bool // of those in between, these have not
}

// parseSnapshot reads what pg_current_snapshot returns: xmin:xmax:xip, ...
func parseSnapshot(text string) (s snapshot, err error) {
	parts := strings.Split(text, ":")
	if len(parts) != 3 {
		return s, fmt.Errorf("a snapshot of %d parts", len(parts))
	}
	number := func(text string) (n uint64) {
		if err == nil {
			n, err = strconv.ParseUint(text, 10, 64)
		}
		return n
	}
	s = snapshot{min: number(parts[0]), max: number(parts[1]), running: map[uint64]bool{}}
	for _, xid := range strings.FieldsFunc(parts[2], func(r rune) bool { return r == ',' }) {
		s.running[number(xid)] = true
	}
	return s, err
}

func (s snapshot) ended(xid uint64) bool { return xid < s.min || xid < s.max && !s.running[xid] }

// news tells whether a transaction has ended since the last snapshot that is a reason to look.
func (w *watcher) news(last, now snapshot) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	news := false
	for xid := last.min; xid < now.max && !news; xid++ {
		news = now.ended(xid) && !last.ended(xid) && !w.silent[xid]
	}
	for xid := range w.silent {
		if xid < last.min {
			delete(w.silent, xid)
		}
	}
	return news
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
		now, changed, err := w.look(ctx, last)
		if err != nil && ctx.Err() == nil {
			w.log.WithError(err).Warn("changes were not looked for")
		}
		w.tell(changed || err != nil)
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

// look reads the moment, and tells whether it shows something new since the last one.
func (w *watcher) look(ctx context.Context, last moment) (now moment, changed bool, err error) {
	var text string
	err = w.pool.QueryRow(ctx, "SELECT pg_current_snapshot()::text").Scan(&text)
	if err == nil {
		now.snapshot, err = parseSnapshot(text)
	}
	now.due = last.due
	changed = w.news(last.snapshot, now.snapshot) || last.due != nil && !time.Now().Before(*last.due)
	if err == nil && changed {
		err = w.pool.QueryRow(ctx, "SELECT mz_sim.next_change()").Scan(&now.due)
	}
	if err != nil {
		return moment{}, true, fmt.Errorf("look for changes: %w", err)
	}
	return now, changed, nil
}
