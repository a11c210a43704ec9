package engine

import (
	"sync"
	"time"
)

// schedule knows which cluster is due for a look, and when. Of several times
// for one cluster the earliest counts, so that a burst of events is one look.
type schedule struct {
	mu   sync.Mutex
	due  map[string]time.Time
	all  time.Time // when all clusters are due; zero: not
	wake chan struct{}
}

func newSchedule() *schedule {
	return &schedule{due: map[string]time.Time{}, wake: make(chan struct{}, 1)}
}

func (s *schedule) add(id string, at time.Time) {
	s.mu.Lock()
	if old, ok := s.due[id]; !ok || at.Before(old) {
		s.due[id] = at
	}
	s.mu.Unlock()
	s.poke()
}

func (s *schedule) addAll(at time.Time) {
	s.mu.Lock()
	if s.all.IsZero() || at.Before(s.all) {
		s.all = at
	}
	s.mu.Unlock()
	s.poke()
}

func (s *schedule) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// take removes and returns what is due by now, and how long it is until the
// next is.
func (s *schedule) take(now time.Time) (ids []string, all bool, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait = time.Hour
	if !s.all.IsZero() && !s.all.After(now) {
		all, s.all = true, time.Time{}
	}
	if !s.all.IsZero() {
		wait = s.all.Sub(now)
	}
	for id, at := range s.due {
		if at.After(now) {
			wait = min(wait, at.Sub(now))
			continue
		}
		ids = append(ids, id)
		delete(s.due, id)
	}
	return ids, all, wait
}
