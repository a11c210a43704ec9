package intercept

import (
	"context"
	"errors"
	"time"

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

// How a cluster with strategies is, a gauge each.
var (
	perCluster    = []string{"cluster"}
	controllerUp  = prometheus.NewDesc("mzproxy_controller_up", "Whether the controller can read the server.", nil, nil)
	paused        = prometheus.NewDesc("mzproxy_strategies_paused", "Whether the strategies of a cluster are paused.", perCluster, nil)
	badStrategies = prometheus.NewDesc("mzproxy_strategies_invalid", "What is wrong with the strategies of a cluster, so that they do not count.", perCluster, nil)
	unapproved    = prometheus.NewDesc("mzproxy_strategies_unapproved", "Rows of a cluster that were written, changed or removed without authority.", perCluster, nil)
	failingNow    = prometheus.NewDesc("mzproxy_strategy_actions_failing", "Actions that the plan of a cluster wants, and that have failed so far.", perCluster, nil)
	replicas      = prometheus.NewDesc("mzproxy_cluster_replicas", "Replicas of a cluster with strategies.", perCluster, nil)
	ready         = prometheus.NewDesc("mzproxy_cluster_replicas_ready", "Those of them that are ready.", perCluster, nil)
	credits       = prometheus.NewDesc("mzproxy_cluster_credits_per_hour", "What they cost.", perCluster, nil)
)

// Describe implements prometheus.Collector.
func (i *Interceptor) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range i.metrics.all() {
		c.Describe(ch)
	}
	for _, d := range []*prometheus.Desc{controllerUp, paused, badStrategies, unapproved, failingNow, replicas, ready, credits} {
		ch <- d
	}
}

// How long collecting waits for the server, and how old what it tells may be.
const (
	collectWait  = 2 * time.Second
	collectTrust = time.Second
)

// Collect implements prometheus.Collector. What it says of clusters it reads anew, as SHOW STRATEGY STATUS does;
// while the server is away it says nothing about them.
func (i *Interceptor) Collect(ch chan<- prometheus.Metric) {
	for _, c := range i.metrics.all() {
		c.Collect(ch)
	}
	ctx, cancel := context.WithTimeout(i.life, collectWait)
	defer cancel()
	now, err := i.observedSince(ctx, collectTrust)
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	if err != nil {
		gauge(controllerUp, 0)
		return
	}
	gauge(controllerUp, 1)
	for n, plan := range now.plan.Clusters {
		cluster := now.snapshot.Clusters[n]
		gauge(paused, oneIf(isPaused(plan)), plan.Name)
		gauge(badStrategies, float64(invalid(plan)), plan.Name)
		gauge(unapproved, float64(len(cluster.Unapproved)), plan.Name)
		gauge(failingNow, float64(len(failures(cluster, plan))), plan.Name)
		gauge(replicas, float64(len(cluster.Replicas)), plan.Name)
		gauge(ready, float64(readyReplicas(cluster)), plan.Name)
		gauge(credits, plan.CreditsBefore, plan.Name)
	}
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
