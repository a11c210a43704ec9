package reconcile

import (
	"sync"
	"time"
)

// schedule knows which cluster is due for a look, when, and why. Of several times for one cluster the earliest counts,
// so that a burst of events is one look. A cluster that is being looked at is not
// due again before that look is over.
type schedule struct {
	mu      sync.Mutex
	due     map[string]due
	looking map[string]bool
	all     due  // when all clusters are; the zero time: not
	atAll   bool // all clusters are being looked at
	wake    chan struct{}
}

type due struct {
	at  time.Time
	why string // a Trigger.Kind
}

func newSchedule() *schedule {
	return &schedule{due: map[string]due{}, looking: map[string]bool{}, wake: make(chan struct{}, 1)}
}

func (s *schedule) add(id string, at time.Time, why string) {
	s.mu.Lock()
	if old, ok := s.due[id]; !ok || at.Before(old.at) {
		s.due[id] = due{at, why}
	}
	s.mu.Unlock()
	s.poke()
}

func (s *schedule) addAll(at time.Time, why string) {
	s.mu.Lock()
	if s.all.at.IsZero() || at.Before(s.all.at) {
		s.all = due{at, why}
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

// take removes and returns what is due by now, by the reason, and how long it is until the
// next is. all says why all clusters are due; empty: they are not. Whoever takes says over, or overAll, once the look is.
func (s *schedule) take(now time.Time) (ids map[string][]string, all string, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait = time.Hour
	switch {
	case s.all.at.IsZero() || s.atAll:
	case s.all.at.After(now):
		wait = s.all.at.Sub(now)
	default:
		all, s.all, s.atAll = s.all.why, due{}, true
	}
	for id, d := range s.due {
		switch {
		case s.looking[id]:
		case d.at.After(now):
			wait = min(wait, d.at.Sub(now))
		default:
			if ids == nil {
				ids = map[string][]string{}
			}
			ids[d.why] = append(ids[d.why], id)
			delete(s.due, id)
			s.looking[id] = true
		}
	}
	return ids, all, wait
}

func (s *schedule) over(id string) {
	s.mu.Lock()
	delete(s.looking, id)
	s.mu.Unlock()
	s.poke()
}

func (s *schedule) overAll() {
	s.mu.Lock()
	s.atAll = false
	s.mu.Unlock()
	s.poke()
}
