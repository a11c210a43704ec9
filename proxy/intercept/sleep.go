package intercept

import (
	"maps"
	"slices"
	"strings"
	"time"

	"mzproxy/engine"
	"mzproxy/proxy/wire"
)

// A sleeper is a cluster that may be asleep.
type sleeper struct {
	id     string
	asleep bool      // it was seen so
	from   time.Time // since when it may be
}

// sleepMargin is how long before its time a cluster counts as one that may be asleep: what is known of it is a little old.
const sleepMargin = 20 * time.Second

// Saw takes in which clusters may be asleep, of those with certain ids, or of all.
func (u *Uses) Saw(now engine.Timestamp, sleepers []engine.Sleeper, ids []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	known := map[string]sleeper{}
	if old := u.sleepers.Load(); old != nil && len(ids) > 0 {
		maps.Copy(known, *old)
		maps.DeleteFunc(known, func(_ string, s sleeper) bool { return slices.Contains(ids, s.id) })
	}
	for _, s := range sleepers {
		known[s.Name] = sleeper{s.ID, s.Asleep, time.Now().Add(s.From.Sub(now.Time) - sleepMargin)}
	}
	if len(known) == 0 {
		u.sleepers.Store(nil)
		return
	}
	u.sleepers.Store(&known)
}

// woke notes that a cluster is awake, before that is seen.
func (u *Uses) woke(cluster string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	old := u.sleepers.Load()
	if old == nil {
		return
	}
	known := maps.Clone(*old)
	if s, ok := known[cluster]; ok {
		s.asleep = false
		known[cluster] = s
	}
	u.sleepers.Store(&known)
}

// sleeper returns what is known of a cluster that may be asleep now.
func (u *Uses) sleeper(cluster string) (s sleeper, ok bool) {
	if known := u.sleepers.Load(); known != nil {
		s, ok = (*known)[cluster]
	}
	return s, ok && !time.Now().Before(s.from)
}

// wait notes that a statement waits for a cluster, which is use from now on; done ends that.
func (u *Uses) wait(cluster string) (done func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.waiting == nil {
		u.waiting = map[string]int{}
	}
	u.waiting[cluster]++
	return func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.waiting[cluster]--; u.waiting[cluster] == 0 {
			delete(u.waiting, cluster)
		}
		if u.past == nil {
			u.past = map[string]time.Time{}
		}
		u.past[cluster] = time.Now()
	}
}

// Asleep implements proxy.Waker.
func (h *handler) Asleep() bool {
	if h.cfg.Uses.sleepers.Load() == nil || h.ignored.Load() {
		return false
	}
	_, ok := h.cfg.Uses.sleeper(*h.place.Load())
	return ok
}

// What the server says of a cluster that has nothing to serve a query.
const (
	codeNoReplicas = "0A000"
	noReplicas     = " has no replicas available to service request"
)

// Sleeps implements proxy.Waker.
func (h *handler) Sleeps(e *wire.Fields) bool {
	return e.Code == codeNoReplicas && strings.HasPrefix(e.Message, "CLUSTER ") && strings.HasSuffix(e.Message, noReplicas) && h.Asleep()
}

// Hint implements proxy.Waker.
func (h *handler) Hint() string {
	return "Idle_suspend has suspended the cluster. The statement stands behind others that cannot be repeated; run it again, by itself."
}
