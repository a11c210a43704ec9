package reconcile

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mzproxy/engine"
)

// Metrics counts what a Reconciler does: it stands between it and its Executor and Watcher. It is a
// prometheus.Collector, and safe for concurrent use.
type Metrics struct {
	actions  *prometheus.CounterVec
	duration prometheus.Histogram
	watching prometheus.Gauge
	changes  prometheus.Counter
}

var _ prometheus.Collector = (*Metrics)(nil)

// Results of a statement, as values of a label.
const (
	resultExecuted   = "executed"
	resultFailed     = "failed"
	resultUnanswered = "unanswered"
)

// NewMetrics starts with all counters at zero.
func NewMetrics() *Metrics {
	m := &Metrics{
		actions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mzproxy_strategy_actions_total",
			Help: "Statements that were sent to create or drop replicas, by what became of them."}, []string{"action", "result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mzproxy_strategy_action_duration_seconds",
			Help: "How long the server took for a statement that creates or drops a replica.", Buckets: prometheus.ExponentialBuckets(0.005, 4, 8)}),
		watching: prometheus.NewGauge(prometheus.GaugeOpts{Name: "mzproxy_watching",
			Help: "Whether changes are noticed as they happen (1), or by polling (0)."}),
		changes: prometheus.NewCounter(prometheus.CounterOpts{Name: "mzproxy_changes_total",
			Help: "Changes that were noticed as they happened."}),
	}
	for _, op := range []engine.Op{engine.OpCreate, engine.OpDrop} {
		for _, result := range []string{resultExecuted, resultFailed, resultUnanswered} {
			m.actions.WithLabelValues(string(op), result)
		}
	}
	return m
}

func (m *Metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.actions, m.duration, m.watching, m.changes}
}

// Describe implements prometheus.Collector.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.all() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.all() {
		c.Collect(ch)
	}
}

// Executor counts what another one executes.
func (m *Metrics) Executor(e Executor) Executor { return countingExecutor{m, e} }

type countingExecutor struct {
	*Metrics
	next Executor
}

// Execute implements Executor.
func (c countingExecutor) Execute(ctx context.Context, a engine.Action) error {
	began := time.Now()
	err := c.next.Execute(ctx, a)
	c.duration.Observe(time.Since(began).Seconds())
	result := resultExecuted
	switch {
	case errors.Is(err, ErrNoAnswer):
		result = resultUnanswered
	case err != nil:
		result = resultFailed
	}
	c.actions.WithLabelValues(string(a.Op), result).Inc()
	return err
}

// Watcher counts what another one sees.
func (m *Metrics) Watcher(w Watcher) Watcher { return countingWatcher{m, w} }

type countingWatcher struct {
	*Metrics
	next Watcher
}

// Watch implements Watcher.
func (c countingWatcher) Watch(ctx context.Context, up func(), changed func(Change)) error {
	defer c.watching.Set(0)
	return c.next.Watch(ctx, func() {
		c.watching.Set(1)
		up()
	}, func(change Change) {
		c.changes.Inc()
		changed(change)
	})
}
