package intercept

import (
	"sync"
	"sync/atomic"
	"time"

	"mzproxy/engine"
	"mzproxy/rewrite"
)

// Uses is what the sessions of a proxy show of the use of clusters: it is an engine.ActivitySource. Nothing is shared between sessions while they
// work; whoever wants to know looks at each. The zero value is ready to use, and it is safe for concurrent use.
type Uses struct {
	mu       sync.Mutex
	sessions map[*handler]struct{}
	past     map[string]time.Time // by the names of clusters: the latest use by sessions that have gone, or have another cluster now
	waiting  map[string]int       // ... how many statements wait for them

	sleepers atomic.Pointer[map[string]sleeper] // by name
}

var _ engine.ActivitySource = (*Uses)(nil)

// Activity implements engine.ActivitySource.
func (u *Uses) Activity() map[string]engine.Activity {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := make(map[string]engine.Activity, len(u.past))
	for cluster, last := range u.past {
		seen[cluster] = engine.Activity{Last: last}
	}
	for h := range u.sessions {
		now, last := h.use()
		if !now && last.IsZero() {
			continue
		}
		a := seen[h.cluster]
		if a.Busy = a.Busy || now; last.After(a.Last) {
			a.Last = last
		}
		seen[h.cluster] = a
	}
	for cluster := range u.waiting {
		seen[cluster] = engine.Activity{Last: seen[cluster].Last, Busy: true}
	}
	return seen
}

// use is that of the session's present cluster; the mutex of Uses is held.
func (h *handler) use() (now bool, last time.Time) {
	now, last = h.session.Use()
	if !last.After(h.moved) {
		last = time.Time{}
	}
	return now, last
}

// open begins to look at a session.
func (u *Uses) open(h *handler) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.sessions == nil {
		u.sessions = map[*handler]struct{}{}
	}
	u.sessions[h] = struct{}{}
	h.place.Store(&h.cluster)
}

// close keeps what a session has shown.
func (u *Uses) close(h *handler) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.keep(h)
	delete(u.sessions, h)
}

// move takes in that a session has another cluster now.
func (u *Uses) move(h *handler, cluster string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.keep(h)
	h.cluster, h.moved = cluster, time.Now()
	h.place.Store(&cluster)
}

// keep notes the latest use of a session's cluster; u.mu is held.
func (u *Uses) keep(h *handler) {
	now, last := h.use()
	if now {
		last = time.Now()
	}
	if !last.After(u.past[h.cluster]) {
		return
	}
	if u.past == nil {
		u.past = map[string]time.Time{}
	}
	u.past[h.cluster] = last
}

// Uses implements proxy.UseJudge.
func (h *handler) Uses(text []byte) bool { return !h.ignored.Load() && rewrite.NeedsCluster(text) }

// RewriteParameter implements proxy.ParameterRewriter: the server tells which cluster the session has, and whose it is.
func (h *handler) RewriteParameter(name, value string) (string, bool) {
	switch name {
	case "cluster":
		h.cfg.Uses.move(h, value)
	case "application_name":
		h.ignored.Store(h.tunables.Load().Ignore.ignores(h.info.User, value))
	}
	return value, true
}
