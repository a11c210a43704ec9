package materialize

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"mzproxy/engine"
)

// How far back statement history is read at least.
const leastHistory = time.Hour

// readSubscriptions marks the clusters that serve a SUBSCRIBE.
func (o *observation) readSubscriptions(ctx context.Context) error {
	o.subscribed = map[string]bool{}
	return o.client.query(ctx, "read subscriptions",
		"SELECT cluster_id FROM mz_internal.mz_subscriptions WHERE "+o.filter("cluster_id")+" GROUP BY cluster_id",
		func(rows pgx.Rows) error {
			var id string
			err := rows.Scan(&id)
			o.subscribed[id] = true
			return err
		})
}

// How far back statement history goes at most: a server's own retention.
const mostHistory = 30 * 24 * time.Hour

// readHistory reads the end of the last statement on each cluster, and marks
// the clusters on which one is still running. A history that is out of reach is
// no error: activity is not known then. It is read as far back as idle_suspend asks, which is cheap. Only
// where that shows nothing about a cluster whose row is younger is it read to its end: the change of a row must
// not make a cluster that has been idle for days look new.
func (o *observation) readHistory(ctx context.Context) error {
	o.used, o.running = map[string]time.Time{}, map[string]bool{}
	window := o.history()
	err := o.readUses(ctx, o.filter("cluster_id"), window)
	if young := o.young(window); err == nil && len(young) > 0 {
		filter := o.filter("cluster_id")
		if len(young) <= longList {
			filter = "cluster_id IN " + in(young)
		}
		err = o.readUses(ctx, filter, mostHistory)
	}
	if refused := (*pgconn.PgError)(nil); refusedWith(err, "42501", "42P01") && errors.As(err, &refused) {
		o.unread = "statement history cannot be read: " + refused.Message
		return nil
	}
	return err
}

// readUses reads the history of some clusters, so far back. Rows of statements that never
// ended, for the server was restarted, count for a day.
func (o *observation) readUses(ctx context.Context, filter string, window time.Duration) error {
	return o.client.query(ctx, "read statement history", `
		SELECT cluster_id, max(finished_at), count(CASE WHEN finished_at IS NULL THEN 1 END)
		FROM mz_internal.mz_statement_execution_history_redacted
		WHERE `+filter+` AND (finished_at > now() - INTERVAL '`+fmt.Sprint(int64(window/time.Second))+` seconds'
			OR finished_at IS NULL AND began_at > now() - INTERVAL '1 day')
		GROUP BY cluster_id`,
		func(rows pgx.Rows) error {
			var id string
			var last *time.Time
			var running int64
			if err := rows.Scan(&id, &last, &running); err != nil {
				return err
			}
			if last != nil {
				o.used[id] = *last
			}
			o.running[id] = running > 0
			return nil
		})
}

// young lists, sorted, the clusters that showed no use in the window, and whose row of idle_suspend
// was written in it, or may be yet.
func (o *observation) young(window time.Duration) []string {
	var ids []string
	begin := o.client.clock.there(time.Now()).Add(-window)
	unused := func(id string) bool {
		_, used := o.used[id]
		return !used && !o.running[id]
	}
	if o.ahead {
		return slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(o.named), func(id string) bool { return !unused(id) })))
	}
	for id, rows := range o.rows {
		if !unused(id) {
			continue
		}
		if slices.ContainsFunc(rows, func(r engine.StrategyRow) bool {
			return r.Type == "idle_suspend" && r.UpdatedAt != nil && r.UpdatedAt.After(begin)
		}) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// history is how far back the history has to be read: twice the longest idle time
// that a strategy asks about.
func (o *observation) history() time.Duration {
	longest := leastHistory
	for _, rows := range o.rows {
		for _, row := range rows {
			var config struct {
				IdleAfter float64 `json:"idle_after_s"`
			}
			if row.Type == "idle_suspend" && json.Unmarshal(row.Config, &config) == nil && config.IdleAfter < 1e8 {
				longest = max(longest, 2*time.Duration(config.IdleAfter*float64(time.Second)))
			}
		}
	}
	return longest
}

// The sample rate from which on the history counts as complete: the default of
// a server that logs is 0.99, so that a hundred statements leave a trace with near certainty.
const completeRate = 0.99

// loggingOff judges the two rates of statement logging: the smaller one counts
// (Materialize documentation, "Query History").
func loggingOff(maxRate, defaultRate string) string {
	top, err := strconv.ParseFloat(maxRate, 64)
	if err != nil {
		return "the server does not say whether it logs statements"
	}
	rate, err := strconv.ParseFloat(defaultRate, 64)
	if err != nil {
		rate = top
	}
	switch rate = min(rate, top); {
	case rate <= 0:
		return "statement logging is off"
	case rate < completeRate:
		return "statement logging is sampled at " + strconv.FormatFloat(rate, 'g', 3, 64)
	}
	return ""
}

// readLogging reads whether the server logs statements: at every look, for a cluster must not go by a history
// that has just ended.
func (o *observation) readLogging(ctx context.Context) (err error) {
	o.loggingOff, err = o.client.readLogging(ctx)
	return err
}

func (c *Client) readLogging(ctx context.Context) (off string, err error) {
	var rates [2]string
	for i, name := range []string{"statement_logging_max_sample_rate", "statement_logging_default_sample_rate"} {
		err := c.pool.QueryRow(ctx, "SHOW "+name).Scan(&rates[i])
		if err != nil && !refusedWith(err, "42704") { // an older server may not have it
			return "", fmt.Errorf("read %s: %w", name, err)
		}
	}
	return loggingOff(rates[0], rates[1]), nil
}

// uses is what is known about the use of clusters.
type uses struct {
	*observation
	unknown   string     // why the history does not tell; empty: it does
	blind     *time.Time // when it was last seen not to tell
	elsewhere map[string]engine.Activity
}

func (o *observation) uses() uses {
	u := uses{observation: o, unknown: o.loggingOff}
	if o.unread != "" {
		u.unknown = o.unread
	}
	u.blind = o.client.blindness(u.unknown != "", o.now)
	if source := o.client.cfg.Activity; source != nil {
		u.elsewhere = source.Activity()
	}
	return u
}

// tell fills in a cluster's activity: the latest sign of life counts. Where the history does not tell, and there is
// no other sign, activity is unknown.
func (u uses) tell(c *engine.ClusterState) {
	latest := func(t time.Time, source string) {
		if c.LastActivity == nil || t.After(c.LastActivity.Time) {
			c.LastActivity, c.ActivitySource = at(&t), source
		}
	}
	if t, ok := u.used[c.ID]; ok {
		latest(t, "statement history")
	}
	seen, wire := u.elsewhere[c.Name]
	if wire {
		latest(u.client.clock.there(seen.Last), "the proxy")
	}
	switch {
	case u.running[c.ID]:
		latest(u.now, "a statement that is running")
	case u.subscribed[c.ID]:
		latest(u.now, "a SUBSCRIBE that is running")
	case wire && seen.Busy:
		latest(u.now, "a session of the proxy")
	case u.unknown != "" && !wire:
		c.ActivityUnknown = u.unknown
	case u.blind != nil && u.unknown == "":
		latest(*u.blind, "statement history did not tell until then")
	}
}

// blindness notes whether the history tells at a moment, and returns the last
// one at which it did not.
func (c *Client) blindness(now bool, at time.Time) *time.Time {
	c.blindMu.Lock()
	defer c.blindMu.Unlock()
	if now {
		c.blind = &at
	}
	return c.blind
}
