package intercept

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"mzproxy/engine"
)

// How a cluster with strategies is, a gauge each. The help texts stand alone.
var (
	perCluster    = []string{"cluster"}
	controllerUp  = prometheus.NewDesc("mzproxy_controller_up", "Whether the controller can read the server (1); while it cannot (0), nothing is said about clusters.", nil, nil)
	paused        = prometheus.NewDesc("mzproxy_strategies_paused", "Whether the strategies of a cluster are paused (1), its own row or that of all clusters.", perCluster, nil)
	badStrategies = prometheus.NewDesc("mzproxy_strategies_invalid", "Stored rows that do not count because something is wrong with them; those for clusters that do not exist are under (unknown).", perCluster, nil)
	unapproved    = prometheus.NewDesc("mzproxy_strategies_unapproved", "Rows of a cluster that were written, changed or removed without authority.", perCluster, nil)
	failingNow    = prometheus.NewDesc("mzproxy_strategy_actions_failing", "Actions that the plan of a cluster wants, and that have failed so far.", perCluster, nil)
	failedLast    = prometheus.NewDesc("mzproxy_strategy_last_failure_timestamp_seconds", "When an action of a cluster failed last that was not executed since, in seconds since 1970 (0: none has) by the server's clock.", perCluster, nil)
	phaseNow      = prometheus.NewDesc("mzproxy_cluster_phase", "1 for the phase that a cluster with strategies is in, as SHOW STRATEGY STATUS names it.", []string{"cluster", "phase"}, nil)
	heldBy        = prometheus.NewDesc("mzproxy_cluster_held", "1 for a guard that holds the strategies of a cluster back.", []string{"cluster", "guard"}, nil)
	replicas      = prometheus.NewDesc("mzproxy_cluster_replicas", "Replicas of a cluster with strategies.", perCluster, nil)
	ready         = prometheus.NewDesc("mzproxy_cluster_replicas_ready", "Replicas of a cluster with strategies that are online and hydrated.", perCluster, nil)
	credits       = prometheus.NewDesc("mzproxy_cluster_credits_per_hour", "Credits per hour that the replicas of a cluster with strategies cost.", perCluster, nil)
)

var clusterDescriptions = []*prometheus.Desc{controllerUp, paused, badStrategies, unapproved, failingNow, failedLast, phaseNow, heldBy, replicas, ready, credits}

// noCluster stands for all clusters that rows name and that do not exist: their ids are anybody's words.
const noCluster = "(unknown)"

// Describe implements prometheus.Collector.
func (i *Interceptor) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range i.metrics.all() {
		c.Describe(ch)
	}
	for _, d := range clusterDescriptions {
		ch <- d
	}
}

// How long collecting waits for the server, and how old what it tells may be.
const (
	collectWait  = 2 * time.Second
	collectTrust = time.Second
)

// Collect implements prometheus.Collector. What it says of clusters it reads anew, as SHOW STRATEGY STATUS does;
// while the server is away it says nothing about them, and neither does a proxy that does not lead: the one that does says it.
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
	gauge(controllerUp, oneIf(err == nil))
	if err != nil || !i.cfg.Leading() {
		return
	}
	for n, plan := range now.plan.Clusters {
		collectCluster(gauge, now.snapshot, now.snapshot.Clusters[n], plan)
	}
	if n := len(now.snapshot.Strays); n > 0 {
		gauge(badStrategies, float64(n), noCluster)
	}
}

func collectCluster(gauge func(d *prometheus.Desc, value float64, labels ...string), s engine.Snapshot, cluster engine.ClusterState, plan engine.ClusterPlan) {
	name := plan.Name
	status := statusOf(s.Now, cluster, plan)
	gauge(paused, oneIf(isPaused(plan)), name)
	gauge(badStrategies, float64(invalid(plan)), name)
	gauge(unapproved, float64(len(cluster.Unapproved)), name)
	gauge(failingNow, float64(len(failures(cluster, plan))), name)
	gauge(phaseNow, 1, name, status.phase)
	gauge(replicas, float64(len(cluster.Replicas)), name)
	gauge(ready, float64(status.ready), name)
	gauge(credits, plan.CreditsBefore, name)
	var last time.Time
	for _, f := range cluster.Failures {
		if f.Last.After(last) {
			last = f.Last.Time
		}
	}
	if last.IsZero() {
		last = time.Unix(0, 0)
	}
	gauge(failedLast, float64(last.Unix()), name)
	told := map[engine.GuardName]bool{}
	for _, g := range plan.Guards {
		if (g.Held || g.Name == engine.GuardPause) && !told[g.Name] {
			told[g.Name] = true
			gauge(heldBy, 1, name, string(g.Name))
		}
	}
}
