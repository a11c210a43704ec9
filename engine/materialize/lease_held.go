package materialize

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Held is who holds the lease, as a candidate has last seen it.
type Held struct {
	Name    string // empty: not known yet
	Since   time.Time
	Changes int // how often another one was seen before
}

// Holder tells who holds the lease.
func (l *Lease) Holder() Held {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// saw notes who holds the lease, and tells whether that is another one than before.
func (l *Lease) saw(holder string) (another bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if holder == l.held.Name {
		return false
	}
	l.held = Held{holder, time.Now(), l.held.Changes + 1}
	return true
}

// Collectors are the metrics of the lease.
func (l *Lease) Collectors() []prometheus.Collector {
	return []prometheus.Collector{
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_lease_held", Help: "Whether this proxy is the one that acts (1), or another one may be (0)."}, func() float64 {
			if l.Leading() {
				return 1
			}
			return 0
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "mzproxy_lease_changes_total", Help: "Times that this proxy has seen another holder of the lease than before, itself included."},
			func() float64 { return float64(l.Holder().Changes) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "mzproxy_lease_holder_since_timestamp_seconds", Help: "Since when this proxy has seen the present holder of the lease, in seconds since 1970; 0: it has seen none."}, func() float64 {
			if h := l.Holder(); h.Name != "" {
				return float64(h.Since.Unix())
			}
			return 0
		}),
	}
}
