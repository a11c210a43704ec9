package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mzproxy/proxy"
	"mzproxy/proxy/wire"
)

// sessionMetrics count what becomes of clients.
type sessionMetrics struct {
	accepted prometheus.Counter
	refused  *prometheus.CounterVec
	failed   *prometheus.CounterVec
	connects *prometheus.CounterVec
	duration prometheus.Histogram
}

var _ proxy.Monitor = (*sessionMetrics)(nil)

// refusedByServer is the label of logins that the server itself has refused, in words that are its own.
const refusedByServer = "server"

func newSessionMetrics() *sessionMetrics {
	m := &sessionMetrics{
		accepted: prometheus.NewCounter(prometheus.CounterOpts{Name: "mzproxy_sessions_accepted_total", Help: "Clients that the server has let in."}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mzproxy_sessions_refused_total",
			Help: "Clients that were not let in, by the SQLSTATE that the proxy gave them, or server where the server itself refused them."}, []string{"sqlstate"}),
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mzproxy_sessions_failed_total",
			Help: "Sessions that the proxy has ended with an error, by its SQLSTATE: 08006 where the server went away, 57P01 at a shutdown."}, []string{"sqlstate"}),
		connects: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mzproxy_upstream_connects_total",
			Help: "Attempts to connect to the server for a client, by how they ended: connected, or failed."}, []string{"result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "mzproxy_upstream_connect_duration_seconds",
			Help: "How long it took to connect to the server for a client, TLS included.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}),
	}
	for _, code := range []string{refusedByServer, wire.CodeConnectionUnable, wire.CodeTooManyConnections, wire.CodeAdminShutdown} {
		m.refused.WithLabelValues(code)
	}
	for _, code := range []string{wire.CodeConnectionFailure, wire.CodeAdminShutdown} {
		m.failed.WithLabelValues(code)
	}
	for _, result := range []string{connected, connectFailed} {
		m.connects.WithLabelValues(result)
	}
	return m
}

// Results of an attempt to connect, as values of a label.
const (
	connected     = "connected"
	connectFailed = "failed"
)

// SessionBegan implements proxy.Monitor.
func (m *sessionMetrics) SessionBegan() { m.accepted.Inc() }

// SessionEnded implements proxy.Monitor.
func (m *sessionMetrics) SessionEnded(begun bool, sqlstate string) {
	switch {
	case sqlstate == "":
		m.refused.WithLabelValues(refusedByServer).Inc()
	case begun:
		m.failed.WithLabelValues(sqlstate).Inc()
	default:
		m.refused.WithLabelValues(sqlstate).Inc()
	}
}

// Connected implements proxy.Monitor.
func (m *sessionMetrics) Connected(took time.Duration, err error) {
	if err != nil {
		m.connects.WithLabelValues(connectFailed).Inc()
		return
	}
	m.connects.WithLabelValues(connected).Inc()
	m.duration.Observe(took.Seconds())
}

func (m *sessionMetrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.accepted, m.refused, m.failed, m.connects, m.duration}
}
