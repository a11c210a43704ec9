package materialize

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/prometheus/client_golang/prometheus"

	"mzproxy/engine"
	"mzproxy/rewrite/pgtext"
)

const (
	// How far back statement history is read at least at first, and how far it goes at most: a server's own retention.
	leastHistory, mostHistory = time.Hour, 30 * 24 * time.Hour
	// What the log of recent activity holds, which tells more than the history does.
	recentHistory = 24 * time.Hour
	// How far a read reaches back into what was read before: rows come late.
	historyOverlap = time.Minute
	// How old what was read may be: for clusters that have no replicas to lose, and for everybody, so that looks side by side read once.
	restingAge, freshAge = 30 * time.Second, 2 * time.Second
)

// reading says how an observation may come by the statement history.
type reading int

const (
	glance reading = iota // it is not read: whoever needs it is looked at again when it has been
	show                  // it is read if it never was
	ask                   // it is read if a decision needs it
	act                   // likewise, and what was read before the last look does not count
	due                   // it is read if a decision needs it; the time for it has come
)

// A history is what was read of the server's statement history. It has no index there, so that each read is dear: it is read when what is
// known would make a cluster idle, never for an event alone, for all clusters at once, and only what is new. It is safe for concurrent use.
type history struct {
	mu      sync.Mutex
	uses    map[string]used      // by cluster id
	from    time.Time            // all clusters are known from then ...
	through time.Time            // ... to then; zero: nothing was read
	whole   map[string]time.Time // clusters that were read to the end of the history, and when
	unread  string               // why it cannot be read; empty: it can, as far as is known
	budget  budget
	reads   prometheus.Counter
}

func newHistory(every time.Duration) *history {
	return &history{uses: map[string]used{}, whole: map[string]time.Time{}, budget: budget{left: historyBurst, every: every},
		reads: prometheus.NewCounter(prometheus.CounterOpts{Name: "mzproxy_history_reads_total", Help: "Reads of the server's statement history."})}
}

// Reads of the history at once, before Config.HistoryEvery holds them up.
const historyBurst = 5

// budget limits how often something is done.
type budget struct {
	left  float64
	at    time.Time
	every time.Duration // in the long run
}

// wait is how long it is until there is one.
func (b *budget) wait(now time.Time) time.Duration {
	if !b.at.IsZero() {
		b.left = min(historyBurst, b.left+now.Sub(b.at).Seconds()/b.every.Seconds())
	}
	b.at = now
	return time.Duration(max(0, 1-b.left) * float64(b.every))
}

// take takes one, or says how long it is until there is one.
func (b *budget) take(now time.Time) (wait time.Duration) {
	if wait = b.wait(now); wait == 0 {
		b.left--
	}
	return wait
}

// readHistory makes sure that the history is known as far as decisions about the clusters concerned need it, or that they wait for it.
func (o *observation) readHistory(ctx context.Context, how reading) error {
	h := o.client.reader.history
	h.mu.Lock()
	defer h.mu.Unlock()
	defer func() { o.history, o.unread = maps.Clone(h.uses), h.unread }()
	if o.now.Before(h.through.Add(-clockJitter)) { // the server's clock went back
		h.from, h.through = time.Time{}, time.Time{}
		clear(h.whole)
	}
	wanting := o.wanting(h, how)
	if len(wanting) == 0 {
		return nil
	}
	var wait time.Duration
	switch {
	case how == glance, how == show && !h.through.IsZero():
		wait = max(time.Second, h.budget.wait(time.Now()))
		o.client.reader.want(wanting)
	default:
		wait = h.budget.take(time.Now())
	}
	if wait > 0 {
		o.postponed = map[string]time.Time{}
		for _, id := range wanting {
			o.postponed[id] = o.now.Add(wait)
		}
		return nil
	}
	return o.readNew(ctx, h)
}

// readNew reads what is new in the history, and as far back as it has to be known.
func (o *observation) readNew(ctx context.Context, h *history) error {
	if err := o.client.world.loadSettings(ctx); err != nil { // whether all is logged that is read
		return err
	}
	o.loggingOff = o.client.world.logging()
	window := historyOverlap + o.now.Sub(h.through)
	if deep := o.depth(); h.through.IsZero() || h.from.After(o.now.Add(-deep)) {
		window = max(deep, leastHistory)
		h.from = o.now.Add(-window)
	}
	err := o.readUses(ctx, h, "cluster_id LIKE 'u%'", window)
	if young := o.young(h); err == nil && len(young) > 0 {
		filter := "cluster_id LIKE 'u%'"
		if len(young) <= longList {
			filter = "cluster_id IN " + in(young)
		}
		err = o.readUses(ctx, h, filter, mostHistory)
		for _, id := range young {
			h.whole[id] = o.now
		}
	}
	if h.unread = o.client.deny(err); h.unread != "" {
		h.through = time.Time{}
		return nil
	}
	if err == nil {
		h.through = o.now
	}
	return err
}

// deny says why the history cannot be read, with the statement that changes it, if an error means that.
func (c *Client) deny(err error) string {
	var refused *pgconn.PgError
	why := ""
	if errors.As(err, &refused) && (isForbidden(err) || isMissing(err)) {
		why = "statement history cannot be read: " + refused.Message
		if isForbidden(err) {
			why += "; run " + c.grant()
		}
	}
	if c.signals.note("statement history", why) {
		c.cfg.Logger.WithField("signal", "statement history").Warn(orKnown(why))
	}
	return why
}

// grant is the statement that lets the controller read the history.
func (c *Client) grant() string {
	return "GRANT mz_monitor_redacted TO " + pgtext.QuoteIdent(c.pool.Config().ConnConfig.User)
}

// wanting lists the clusters about which a decision needs a history that is fresher or goes further back than what was read.
func (o *observation) wanting(h *history, how reading) []string {
	var ids []string
	for _, id := range o.concerned() {
		if o.wants(h, id, how) {
			ids = append(ids, id)
		}
	}
	return ids
}

func (o *observation) wants(h *history, id string, how reading) bool {
	idle := o.idleAfter(id)
	if idle < 0 && !o.ahead {
		return false
	}
	rests := len(o.Clusters[id].Replicas) == 0
	age, last := o.now.Sub(h.through), h.uses[id].latest(!rests)
	switch {
	case h.through.IsZero():
		return true
	case last.at.IsZero() && h.whole[id].IsZero() && (o.ahead || o.newer(id, h.from)): // it may have been used before
		return true
	case how == act && h.through.Before(o.since):
	case age <= freshAge:
		return false
	case o.ahead:
		return true
	case o.Clusters[id].Subscribed, rests && age <= restingAge:
		return false
	}
	if last.at.IsZero() {
		return !o.newer(id, o.now.Add(-idle))
	}
	return o.now.Sub(last.at) > idle
}

// idleAfter is the time without use after which a strategy of a cluster acts; negative: none asks about it.
func (o *observation) idleAfter(id string) time.Duration {
	idle := time.Duration(-1)
	for _, row := range o.rows[id] {
		window, config := o.client.window(row.Type), map[string]any{}
		if window == "" || json.Unmarshal(row.Config, &config) != nil {
			continue
		}
		if seconds, ok := config[window].(float64); ok && seconds < 1e8 {
			idle = max(idle, time.Duration(seconds*float64(time.Second)))
		}
	}
	return idle
}

// window is the parameter that says after how long without use strategies of a type act; empty: they do not ask about that.
func (c *Client) window(kind string) string {
	for _, info := range c.cfg.Types {
		if p, ok := info.History(); ok && info.Name == kind {
			return p.Name
		}
	}
	return ""
}

// newer tells whether a row of a strategy that asks about uses was written after a moment: where no use is known, it counts from there.
func (o *observation) newer(id string, moment time.Time) bool {
	return slices.ContainsFunc(o.rows[id], func(r engine.StrategyRow) bool {
		return o.client.window(r.Type) != "" && r.UpdatedAt != nil && r.UpdatedAt.After(moment)
	})
}

// depth is how far back the history has to be known: twice the longest idle time that a strategy asks about.
func (o *observation) depth() time.Duration {
	longest := time.Duration(0)
	for id := range o.rows {
		longest = max(longest, 2*o.idleAfter(id))
	}
	return min(longest, mostHistory)
}

// young lists, sorted, the clusters that showed no use as far back as was read, and whose row that asks about them was written since then, or
// may be yet: the change of a row must not make a cluster that has been idle for days look new. Once is enough.
func (o *observation) young(h *history) []string {
	var ids []string
	for _, id := range o.concerned() {
		if !h.uses[id].latest(len(o.Clusters[id].Replicas) > 0).at.IsZero() || !h.whole[id].IsZero() {
			continue
		}
		if o.ahead || o.newer(id, h.from) {
			ids = append(ids, id)
		}
	}
	return ids
}

// readUses reads the history of some clusters, so far back. The log of recent activity tells of what kind a statement was; the history
// behind it, and where the server does not have that log as we know it, only how it was executed.
func (o *observation) readUses(ctx context.Context, h *history, filter string, window time.Duration) error {
	until := o.now.Add(-recentHistory)
	err := o.readLogged(ctx, h, recentActivity, filter, o.now.Add(-min(window, recentHistory)), nil)
	if isMissing(err) {
		until = o.now.Add(historyOverlap)
		err = nil
	}
	if from := o.now.Add(-window); err == nil && from.Before(until) {
		err = o.readLogged(ctx, h, executionHistory, filter, from, &until)
	}
	return err
}

// What is read of the statements that ended in a time, or have not ended, by kind.
const (
	recentActivity = `
		SELECT cluster_id, statement_type, execution_strategy, finished_status,
			statement_type = 'insert' AND redacted_sql ILIKE '%VALUES%' AND redacted_sql NOT ILIKE '%SELECT%' AS constant,
			max(finished_at) AS last, count(CASE WHEN finished_at IS NULL THEN 1 END) AS running
		FROM mz_internal.mz_recent_activity_log_redacted`
	executionHistory = `
		SELECT cluster_id, '' AS statement_type, execution_strategy, finished_status, false AS constant,
			max(finished_at) AS last, count(CASE WHEN finished_at IS NULL THEN 1 END) AS running
		FROM mz_internal.mz_statement_execution_history_redacted`
)

// readLogged takes in what is read of the history. Rows of statements that never ended, for the server was restarted, count for a day.
func (o *observation) readLogged(ctx context.Context, h *history, query, filter string, from time.Time, until *time.Time) error {
	h.reads.Inc()
	ended := "finished_at > " + timestamp(from)
	if until != nil {
		ended += " AND finished_at <= " + timestamp(*until)
	}
	where := filter + " AND (" + ended + " OR finished_at IS NULL AND began_at > " + timestamp(o.now.Add(-24*time.Hour)) + ")"
	return o.client.query(ctx, "read statement history", query+" WHERE "+where+" GROUP BY 1, 2, 3, 4, 5", func(rows pgx.Rows) error {
		var l logged
		var kind, strategy, status *string
		var constant *bool
		if err := rows.Scan(&l.cluster, &kind, &strategy, &status, &constant, &l.last, &l.running); err != nil {
			return err
		}
		l.kind, l.strategy, l.status, l.constant = orEmpty(kind), orEmpty(strategy), orEmpty(status), constant != nil && *constant
		u := h.uses[l.cluster]
		u.note(l, o.now)
		h.uses[l.cluster] = u
		return nil
	})
}

// timestamp is a literal.
func timestamp(t time.Time) string {
	return "TIMESTAMPTZ " + pgtext.QuoteLiteral(t.UTC().Format("2006-01-02 15:04:05.999999+00"))
}
