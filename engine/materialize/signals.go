package materialize

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"
)

// A signal is something about clusters that decisions can do without. Where the server, an older or a newer one, does not have its
// relation or one of its columns, or does not let the controller read it, it is not known: that holds back what rests on it, and nothing else.
type signal struct {
	name    string
	query   string // names its columns; conditions come behind it
	without string // what does not work where it is not known
}

// What is read of the catalog beside clusters, replicas and sizes. Each is a plain read of one relation, which the server answers from an
// index; a join, a union or an aggregate makes it build a dataflow each time.
var (
	statusSignal = signal{"replica statuses",
		"SELECT replica_id, status, updated_at FROM mz_internal.mz_cluster_replica_statuses WHERE true", "no replica counts as ready"}
	hydrationSignal = signal{"hydration",
		"SELECT object_id, replica_id, hydrated FROM mz_internal.mz_hydration_statuses WHERE object_id LIKE 'u%'", "no replica with objects counts as ready"}
	indexSignal = signal{"indexes",
		"SELECT cluster_id, id, name, 'index' FROM mz_catalog.mz_indexes WHERE id LIKE 'u%'", withoutObjects}
	viewSignal = signal{"materialized views",
		"SELECT cluster_id, id, name, 'materialized-view' FROM mz_catalog.mz_materialized_views WHERE id LIKE 'u%'", withoutObjects}
	sourceSignal = signal{"sources",
		"SELECT cluster_id, id, name, type FROM mz_catalog.mz_sources WHERE id LIKE 'u%'", withoutObjects}
	sinkSignal = signal{"sinks",
		"SELECT cluster_id, id, name, 'sink' FROM mz_catalog.mz_sinks WHERE id LIKE 'u%'", withoutObjects}
	ageSignal = signal{"replica history",
		"SELECT replica_id, created_at FROM mz_internal.mz_cluster_replica_history WHERE dropped_at IS NULL", "burst does not give up"}
	crashSignal = signal{"replica status history",
		"SELECT replica_id, reason FROM mz_internal.mz_cluster_replica_status_history WHERE status = 'offline' AND reason IS NOT NULL", "shrink_to_fit holds"}
	subscriptionSignal = signal{"subscriptions",
		"SELECT cluster_id FROM mz_internal.mz_subscriptions WHERE true", "idle_suspend holds"}
	scheduleSignal = signal{"schedules",
		"SELECT cluster_id FROM mz_internal.mz_cluster_schedules WHERE type <> 'manual'", "a SCHEDULE is not noticed"}
	autoScalingSignal = signal{"auto scaling strategies",
		"SELECT cluster_id FROM mz_internal.mz_cluster_auto_scaling_strategies WHERE strategy IS NOT NULL", "an AUTO SCALING STRATEGY is not noticed"}
)

const withoutObjects = "no replica counts as ready, and idle_suspend holds"

// catalogSignals are all of them, in the order in which check tells of them.
var catalogSignals = []signal{statusSignal, hydrationSignal, indexSignal, viewSignal, sourceSignal, sinkSignal, ageSignal, crashSignal,
	subscriptionSignal, scheduleSignal, autoScalingSignal}

// signalStates knows which signals can be read.
type signalStates struct {
	mu      sync.Mutex
	unknown map[string]string // why, by name
	gauge   *prometheus.GaugeVec
}

func newSignalStates() *signalStates {
	return &signalStates{unknown: map[string]string{}, gauge: prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "mzproxy_signal_known", Help: "Whether a signal of the server's catalog can be read: 1, or 0 where a relation or column is missing, or not allowed.",
	}, []string{"signal"})}
}

// note takes in why a signal is not known, empty: it is, and tells whether that is news.
func (s *signalStates) note(name, why string) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	known := 1.0
	if why != "" {
		known = 0
	}
	s.gauge.WithLabelValues(name).Set(known)
	news = s.unknown[name] != why
	s.unknown[name] = why
	return news
}

// Collectors are the client's metrics.
func (c *Client) Collectors() []prometheus.Collector {
	return []prometheus.Collector{c.signals.gauge, c.history.reads}
}

// read reads a signal, as far as a condition goes. unknown says why the server does not tell it; empty: it does. All else that goes wrong is
// an error, for it may be over in a moment.
func (c *Client) read(ctx context.Context, s signal, condition string, scan func(pgx.Rows) error) (unknown string, err error) {
	query := s.query
	if condition != "" {
		query += " AND " + condition
	}
	err = c.query(ctx, "read "+s.name, query, scan)
	var refused *pgconn.PgError
	if (isMissing(err) || isForbidden(err)) && errors.As(err, &refused) {
		unknown, err = s.name+" cannot be read: "+refused.Message, nil
	}
	if err == nil && c.signals.note(s.name, unknown) {
		c.cfg.Logger.WithField("signal", s.name).Warn(orKnown(unknown))
	}
	return unknown, err
}

func orKnown(unknown string) string {
	if unknown == "" {
		return "the signal can be read"
	}
	return unknown
}

// isMissing tells whether an error says that a relation, or a column of one, does not exist. Materialize has no SQLSTATE of its own for either.
func isMissing(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	text := refused.Message
	return strings.HasPrefix(text, "unknown catalog item") || strings.HasPrefix(text, "unknown schema") || strings.HasPrefix(text, "column ") && strings.HasSuffix(text, " does not exist") ||
		refusedWith(err, "42P01", "3F000", "42703")
}

// isForbidden tells whether an error says that the controller lacks a privilege.
func isForbidden(err error) bool { return refusedWith(err, "42501") }

// signals tells of what cannot be read on this server.
func (k *check) signals(ctx context.Context) {
	known := 0
	for _, s := range catalogSignals {
		err := k.client.query(ctx, "read "+s.name, s.query+" LIMIT 0", func(pgx.Rows) error { return nil })
		if err == nil {
			known++
			continue
		}
		k.add(Warning, "signals", "%s: not known, so %s: %s", s.name, s.without, fault(err))
	}
	if known == len(catalogSignals) {
		k.add(OK, "signals", "all %d can be read", known)
	}
}

// fault is what the server says, or the whole error where it says nothing.
func fault(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return fmt.Sprintf("%s (%s)", refused.Message, refused.Code)
	}
	return err.Error()
}
