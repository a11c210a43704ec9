package materialize

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/engine/mirror"
)

// reader reads what cannot be watched, for all clusters at once and as seldom as will do: the history of statements, when it is due; how often replicas
// crashed, after one has changed its status; when replicas were made that were there before the watch began. It is safe for concurrent use.
type reader struct {
	client  *Client
	history *history
	poke    chan struct{}

	mu     sync.Mutex
	wanted map[string]bool // clusters that wait for the history
	// What has to be read anew.
	crashes, ages bool
	crashBudget   budget
	known         *past
}

// past is what was read about replicas. It is a value.
type past struct {
	crashes        map[string][]crash // by replica id
	crashesUnknown string
	ages           map[string]time.Time // by replica id
}

// crash is a time that a process of a replica went offline with a reason.
type crash struct {
	at  time.Time
	oom bool // for lack of memory
}

// crashesFor is how far back crashes count.
const crashesFor = time.Hour

func newReader(c *Client) *reader {
	return &reader{client: c, history: newHistory(c.cfg.HistoryEvery), poke: make(chan struct{}, 1), wanted: map[string]bool{},
		crashBudget: budget{left: historyBurst, every: c.cfg.HistoryEvery}, known: &past{}}
}

func (r *reader) past() *past {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known
}

// crashesOf counts the crashes of a replica, and those for lack of memory.
func (p *past) crashesOf(replica string, now time.Time) (all, oom int64) {
	for _, c := range p.crashes[replica] {
		if c.at.Before(now.Add(-crashesFor)) {
			continue
		}
		all++
		if c.oom {
			oom++
		}
	}
	return all, oom
}

// want says that clusters wait for the history.
func (r *reader) want(ids []string) {
	r.mu.Lock()
	for _, id := range ids {
		r.wanted[id] = true
	}
	r.mu.Unlock()
	r.wake()
}

func (r *reader) wake() {
	select {
	case r.poke <- struct{}{}:
	default:
	}
}

// compare finds out from two pictures what has to be read anew; before is nil where the watch has just begun.
func (r *reader) compare(before, after *mirror.Picture, changes *mirror.Changes) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if before == nil {
		r.crashes, r.ages = true, true
	} else {
		for id := range changes.Clusters {
			r.crashes = r.crashes || crashed(before.Clusters[id], after.Clusters[id])
		}
	}
	if r.crashes || r.ages {
		r.wake()
	}
}

// crashed tells whether a process of a replica may have gone offline: it is now, or it has come online again since.
func crashed(before, after *mirror.Cluster) bool {
	if before == nil || after == nil {
		return false
	}
	for i, was := range before.Statuses {
		j := slices.IndexFunc(after.Replicas, func(x engine.Replica) bool { return x.ID == before.Replicas[i].ID })
		if j < 0 || was.Processes == 0 {
			continue
		}
		is := after.Statuses[j]
		if is.Online < was.Online || is.Online == was.Online && was.Since != nil && is.Since != nil && !was.Since.Equal(*is.Since) {
			return true
		}
	}
	return false
}

// run reads what is due until ctx ends.
func (r *reader) run(ctx context.Context) {
	for wait := time.Hour; ; {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-r.poke:
			timer.Stop()
		case <-timer.C:
		}
		if wait = r.turn(ctx); wait <= 0 {
			wait = time.Hour
		}
	}
}

// turn reads what is due, and says when something else is; 0: nothing is known to be.
func (r *reader) turn(ctx context.Context) time.Duration {
	next := time.Duration(0)
	later := func(wait time.Duration) {
		if next == 0 || wait < next {
			next = wait
		}
	}
	r.mu.Lock()
	ages, crashes, history := r.ages, r.crashes, len(r.wanted) > 0
	if crashes {
		if wait := r.crashBudget.take(time.Now()); wait > 0 {
			crashes = false
			later(wait)
		}
	}
	r.ages, r.crashes = false, r.crashes && !crashes
	r.mu.Unlock()
	if ages && r.readAges(ctx) != nil || crashes && r.readCrashes(ctx) != nil {
		r.mu.Lock()
		r.ages, r.crashes = r.ages || ages, r.crashes || crashes
		r.mu.Unlock()
		later(firstRewatch * 10)
	}
	if history {
		if wait := r.readHistory(ctx); wait > 0 {
			later(wait)
		}
	}
	return next
}

// readHistory reads the history for those who wait for it, and tells them; or it says how long it has to wait itself.
func (r *reader) readHistory(ctx context.Context) time.Duration {
	r.history.mu.Lock()
	wait := r.history.budget.wait(time.Now())
	r.history.mu.Unlock()
	if wait > 0 {
		return wait
	}
	v, err := r.client.world.see(ctx)
	if err != nil {
		return time.Second // they hold meanwhile
	}
	r.mu.Lock()
	wanted := r.wanted
	r.wanted = map[string]bool{}
	r.mu.Unlock()
	o := r.client.observation(v, nil)
	if err := o.readHistory(ctx, due); err != nil && ctx.Err() == nil {
		r.client.cfg.Logger.WithError(err).Warn("statement history is not read; trying again")
		r.want(slices.Collect(maps.Keys(wanted)))
		return time.Second
	}
	for id := range wanted {
		wanted[id] = false // no rows of strategies have changed
	}
	r.client.world.tell(&mirror.Changes{Clusters: wanted})
	return 0
}

// readAges reads when replicas were created. Where the server does not tell, it is not known.
func (r *reader) readAges(ctx context.Context) error {
	ages := map[string]time.Time{}
	_, err := r.client.read(ctx, ageSignal, "cluster_id LIKE 'u%'", func(rows pgx.Rows) error {
		var id string
		var created *time.Time
		if err := rows.Scan(&id, &created); err != nil {
			return err
		}
		if created != nil {
			ages[id] = *created
		}
		return nil
	})
	if err == nil {
		r.learn(func(p *past) { p.ages = ages })
	}
	return err
}

// readCrashes reads, of the last hour, when a process of a replica went offline with a reason.
func (r *reader) readCrashes(ctx context.Context) error {
	crashes := map[string][]crash{}
	unknown, err := r.client.read(ctx, crashSignal, "occurred_at > "+timestamp(r.client.serverTime(ctx).Add(-crashesFor)), func(rows pgx.Rows) error {
		var id, reason string
		var at time.Time
		err := rows.Scan(&id, &reason, &at)
		if err == nil && reason != "initializing" {
			crashes[id] = append(crashes[id], crash{at, strings.HasPrefix(reason, "oom")})
		}
		return err
	})
	if err == nil {
		r.learn(func(p *past) { p.crashes, p.crashesUnknown = crashes, unknown })
	}
	return err
}

// learn changes what is known of the past, and tells everybody.
func (r *reader) learn(change func(*past)) {
	r.mu.Lock()
	next := *r.known
	change(&next)
	r.known = &next
	r.mu.Unlock()
	r.client.world.tell(&mirror.Changes{All: true})
}
