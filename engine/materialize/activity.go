package materialize

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// readSubscriptions marks the clusters that serve a SUBSCRIBE.
func (o *observation) readSubscriptions(ctx context.Context) error {
	o.subscribed = map[string]bool{}
	var err error
	o.subscriptionsUnknown, err = o.client.read(ctx, subscriptionSignal, o.filter("cluster_id"), func(rows pgx.Rows) error {
		var id string
		err := rows.Scan(&id)
		o.subscribed[id] = true
		return err
	})
	return err
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
	u := uses{observation: o, unknown: cmp.Or(o.unread, o.subscriptionsUnknown, o.loggingOff)}
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
	if use := u.history[c.ID].latest(len(c.Replicas) > 0); !use.at.IsZero() {
		latest(use.at, use.what)
	}
	seen, wire := u.elsewhere[c.Name]
	if wire {
		latest(u.client.clock.there(seen.Last), "the proxy")
	}
	switch {
	case u.subscribed[c.ID]:
		latest(u.now, "a SUBSCRIBE that is running")
	case wire && seen.Busy:
		latest(u.now, "a session of the proxy")
	case u.unknown != "" && !wire:
		c.ActivityUnknown = u.unknown
	case u.blind != nil && u.unknown == "":
		latest(*u.blind, "statement history did not tell until then")
	}
	u.wait(c)
}

// wait holds a cluster that would be idle by a history that is not fresh, and says when it is read again.
func (u uses) wait(c *engine.ClusterState) {
	again, waits := u.postponed[c.ID]
	if !waits || c.ActivityUnknown != "" {
		return
	}
	if len(c.Replicas) > 0 { // to lose
		c.ActivityUnknown = "statement history was read a moment ago, and is read again at " + again.UTC().Format("15:04:05") + " UTC"
	}
	if c.SettledAt == nil || again.Before(c.SettledAt.Time) {
		c.SettledAt = at(&again)
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
