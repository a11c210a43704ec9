package engine

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// The standard Rate.
const (
	DefaultRateActions = 10
	DefaultRateWithin  = 5 * time.Minute
)

// MaxRateWithin is the longest time of a Rate: no more of the audit rows is looked at.
const MaxRateWithin = time.Hour

// Rate bounds how many actions a cluster may take within a time. A field that is zero has its standard value.
type Rate struct {
	Actions int64
	Within  time.Duration
}

// WithDefaults fills in what is not said.
func (r Rate) WithDefaults() Rate {
	return Rate{cmp.Or(r.Actions, DefaultRateActions), cmp.Or(r.Within, DefaultRateWithin)}
}

// Window is the time of a rate for people: "5 minutes".
func (r Rate) Window() string {
	within := r.WithDefaults().Within
	if within%time.Minute == 0 {
		return count(int64(within/time.Minute), "minute")
	}
	return count(int64(within/time.Second), "second")
}

// String is the form that UnmarshalText reads: "10/5m".
func (r Rate) String() string {
	r = r.WithDefaults()
	return fmt.Sprintf("%d/%s", r.Actions, shortDuration(r.Within))
}

// shortDuration leaves out the zeros that a duration ends in.
func shortDuration(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// UnmarshalText reads a number of actions, a slash and a time, as in "10/5m".
func (r *Rate) UnmarshalText(text []byte) error {
	actions, within, ok := strings.Cut(string(text), "/")
	n, err := strconv.ParseInt(strings.TrimSpace(actions), 10, 64)
	if !ok || err != nil {
		return fmt.Errorf("%q is no number of actions and a time, as in 10/5m", text)
	}
	d, err := time.ParseDuration(strings.TrimSpace(within))
	switch {
	case err != nil:
		return fmt.Errorf("%q is no number of actions and a time, as in 10/5m", text)
	case n < 1:
		return errors.New("a rate allows at least one action; PAUSE STRATEGIES and --observe allow none")
	case d < time.Second || d > MaxRateWithin || d%time.Second != 0:
		return fmt.Errorf("a rate counts whole seconds, from one up to %s", shortDuration(MaxRateWithin))
	}
	*r = Rate{n, d}
	return nil
}
