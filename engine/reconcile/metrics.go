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
	reaction *prometheus.HistogramVec
	settling prometheus.Histogram
	looked   prometheus.Gauge
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
			Help: "Statements that were sent to create or drop replicas, or to alter managed clusters, by what became of them."}, []string{"action", "result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mzproxy_strategy_action_duration_seconds",
			Help: "How long the server took for a statement that creates or drops a replica, or alters a managed cluster.", Buckets: prometheus.ExponentialBuckets(0.005, 4, 8)}),
		watching: prometheus.NewGauge(prometheus.GaugeOpts{Name: "mzproxy_watching",
			Help: "Whether the server is watched (1); nothing is decided otherwise (0)."}),
		changes: prometheus.NewCounter(prometheus.CounterOpts{Name: "mzproxy_changes_total",
			Help: "Changes that were noticed as they happened."}),
		reaction: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mzproxy_reaction_duration_seconds",
			Help: "From what led to an action, a client's statement or an event, to the server's answer to the action.", Buckets: prometheus.ExponentialBuckets(0.01, 3, 9)}, []string{"cause"}),
		settling: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mzproxy_replica_ready_duration_seconds",
			Help: "From the creation of a replica by a strategy until it is ready.", Buckets: prometheus.ExponentialBuckets(1, 3, 9)}),
		looked: prometheus.NewGauge(prometheus.GaugeOpts{Name: "mzproxy_last_look_timestamp_seconds",
			Help: "When all clusters could last be looked at, in seconds since 1970; 0: never, as on a proxy that does not lead."}),
	}
	for _, cause := range []string{causeStatement, causeEvent} {
		m.reaction.WithLabelValues(cause)
	}
	for _, op := range []engine.Op{engine.OpCreate, engine.OpDrop, engine.OpAlter} {
		for _, result := range []string{resultExecuted, resultFailed, resultUnanswered} {
			m.actions.WithLabelValues(string(op), result)
		}
	}
	return m
}

func (m *Metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.actions, m.duration, m.watching, m.changes, m.reaction, m.settling, m.looked}
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
	if underWay := (*UnderWay)(nil); errors.As(err, &underWay) {
		return &UnderWay{c.later(a.Op, began, underWay.Done)}
	}
	c.count(a.Op, began, err)
	return err
}

// later counts a statement when it is over.
func (c countingExecutor) later(op engine.Op, began time.Time, done <-chan error) <-chan error {
	counted := make(chan error, 1)
	go func() {
		err := <-done
		c.count(op, began, err)
		counted <- err
	}()
	return counted
}

func (c countingExecutor) count(op engine.Op, began time.Time, err error) {
	c.duration.Observe(time.Since(began).Seconds())
	result := resultExecuted
	switch {
	case errors.Is(err, ErrNoAnswer):
		result = resultUnanswered
	case err != nil:
		result = resultFailed
	}
	c.actions.WithLabelValues(string(op), result).Inc()
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
