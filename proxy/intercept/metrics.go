package intercept

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// metrics counts what sessions do, and says how clusters are.
type metrics struct {
	refused  *prometheus.CounterVec
	commands *prometheus.CounterVec
	writes   *prometheus.CounterVec
	looks    *prometheus.HistogramVec
}

var _ prometheus.Collector = (*Interceptor)(nil)

func newMetrics() metrics {
	m := metrics{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mzproxy_statements_refused_total",
			Help: "Statements that the proxy itself refused, by SQLSTATE."}, []string{"sqlstate"}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mzproxy_commands_total",
			Help: "Commands that the proxy itself answered."}, []string{"command"}),
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "mzproxy_strategy_writes_total",
			Help: "Writes of strategies that were committed."}, []string{"operation"}),
		looks: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "mzproxy_look_duration_seconds",
			Help: "How long sessions waited for a look at clusters, actions included.", Buckets: prometheus.ExponentialBuckets(0.005, 4, 8)}, []string{"trigger"}),
	}
	for _, trigger := range []string{triggerStatement, triggerApply} {
		m.looks.WithLabelValues(trigger)
	}
	return m
}

func (m metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.refused, m.commands, m.writes, m.looks}
}

// refusal counts what a client is told is wrong.
func (m metrics) refusal(err error) {
	var e *proxy.Error
	if errors.As(err, &e) {
		m.refused.WithLabelValues(e.Code).Inc()
	}
}

// counted counts an answer to a command, and the error that it may end in.
func (m metrics) counted(c rewrite.Command, a *proxy.Answer) *proxy.Answer {
	run := a.Run
	a.Run = func(ctx context.Context, w proxy.ResultWriter) (string, error) {
		m.commands.WithLabelValues(c.Name()).Inc()
		tag, err := run(ctx, w)
		m.refusal(err)
		return tag, err
	}
	return a
}

func oneIf(is bool) float64 {
	if is {
		return 1
	}
	return 0
}

// invalid counts the problems of a cluster, but for rows without authority.
func invalid(plan engine.ClusterPlan) int {
	n := 0
	for _, p := range plan.Problems {
		if p.Code != engine.UnapprovedRow {
			n++
		}
	}
	return n
}

func isPaused(plan engine.ClusterPlan) bool {
	for _, g := range plan.Guards {
		if g.Name == engine.GuardPause {
			return true
		}
	}
	return false
}
