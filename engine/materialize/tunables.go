package materialize

import (
	"cmp"
	"strconv"
	"time"

	"mzproxy/engine"
)

// Defaults of Tunables.
const (
	DefaultKeepActionsFor = 30 * 24 * time.Hour
	DefaultKeepActions    = 10_000
)

// Tunables are what may be changed while a Client works. A field that is zero has its default.
type Tunables struct {
	Rate engine.Rate // of each cluster's actions
	// KeepActionsFor is how long audit rows are kept, KeepActions how many of a cluster.
	KeepActionsFor time.Duration
	KeepActions    int64
}

// Tune changes what may be changed. What is under way goes on as it began.
func (c *Client) Tune(t Tunables) {
	t = t.withDefaults()
	c.tunables.Store(&t)
}

func (t Tunables) withDefaults() Tunables {
	return Tunables{t.Rate.WithDefaults(), cmp.Or(t.KeepActionsFor, DefaultKeepActionsFor), cmp.Or(t.KeepActions, DefaultKeepActions)}
}

// tuned are the Tunables that count.
func (c *Client) tuned() Tunables {
	if t := c.tunables.Load(); t != nil {
		return *t
	}
	return Tunables{}.withDefaults()
}

// seconds is a duration as an interval.
func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) + " seconds" }
