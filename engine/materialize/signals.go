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

	"mzproxy/engine/mirror"
)

// A signal is something about clusters that is read now and then, and that decisions can do without. Where the server, an older or a newer one, does not
// have its relation or one of its columns, or does not let the controller read it, it is not known: that holds back what rests on it, and nothing else.
type signal struct {
	name    string
	query   string // names its columns; conditions come behind it
	without string // what does not work where it is not known
}

var (
	ageSignal = signal{"replica history",
		"SELECT replica_id, created_at FROM mz_internal.mz_cluster_replica_history WHERE dropped_at IS NULL", "burst does not give up"}
	crashSignal = signal{"replica status history",
		"SELECT replica_id, reason, occurred_at FROM mz_internal.mz_cluster_replica_status_history WHERE status = 'offline' AND reason IS NOT NULL", "shrink_to_fit holds"}
)

// subscriptions is the signal of the SUBSCRIBEs that run.
const subscriptions = "subscriptions"

// catalogSignals are all of them, those that are watched first, in the order in which check tells of them.
func (c *Client) catalogSignals() []signal {
	var list []signal
	for _, r := range mirror.Catalog(c.cfg.Schema, []string{strategiesTable}) {
		if r.Without != "" {
			list = append(list, signal{r.Signal, r.Select(), r.Without})
		}
	}
	return append(list, ageSignal, crashSignal)
}

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
	return []prometheus.Collector{c.signals.gauge, c.reader.history.reads, c.world.gauge}
}

// read reads a signal, as far as a condition goes. unknown says why the server does not tell it; empty: it does. All else that goes wrong is
// an error, for it may be over in a moment.
func (c *Client) read(ctx context.Context, s signal, condition string, scan func(pgx.Rows) error) (unknown string, err error) {
	err = c.query(ctx, "read "+s.name, s.query+" AND "+condition, scan)
	if unknown = c.untold(s.name, err); unknown != "" {
		err = nil
	}
	return unknown, err
}

// untold says why the server does not tell a signal, if an error of reading it means that.
func (c *Client) untold(name string, err error) (why string) {
	var refused *pgconn.PgError
	if (isMissing(err) || isForbidden(err)) && errors.As(err, &refused) {
		why, err = name+" cannot be read: "+refused.Message, nil
	}
	if err == nil && c.signals.note(name, why) {
		c.cfg.Logger.WithField("signal", name).Warn(orKnown(why))
	}
	return why
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
	known, signals := 0, k.client.catalogSignals()
	for _, s := range signals {
		err := k.client.query(ctx, "read "+s.name, s.query+" LIMIT 0", func(pgx.Rows) error { return nil })
		if err == nil {
			known++
			continue
		}
		k.add(Warning, "signals", "%s: not known, so %s: %s", s.name, s.without, fault(err))
	}
	if known == len(signals) {
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
