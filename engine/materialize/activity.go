package materialize

import (
	"cmp"
	"time"

	"mzproxy/engine"
)

// uses is what is known about the use of clusters.
type uses struct {
	*observation
	unknown   string     // why the history does not tell; empty: it does
	blind     *time.Time // when it was last seen not to tell
	elsewhere map[string]engine.Activity
}

func (o *observation) uses() uses {
	u := uses{observation: o, unknown: cmp.Or(o.unread, o.Unknown[subscriptions], o.loggingOff)}
	u.blind = o.client.blindness(u.unknown != "", o.now)
	if source := o.client.cfg.Activity; source != nil {
		u.elsewhere = source.Activity()
	}
	return u
}

// tell fills in a cluster's activity: the latest sign of life counts. Where the history does not tell, activity is unknown, unless there is some at
// this moment: what the proxy saw is not all, others may come around it.
func (u uses) tell(c *engine.ClusterState) {
	latest := func(t time.Time, source string) {
		if c.LastActivity == nil || t.After(c.LastActivity.Time) {
			c.LastActivity, c.ActivitySource = at(t), source
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
	case u.Clusters[c.ID].Subscribed:
		latest(u.now, "a SUBSCRIBE that is running")
	case wire && seen.Busy:
		latest(u.now, "a session of the proxy")
	case u.unknown != "":
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
		c.SettledAt = at(again)
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
