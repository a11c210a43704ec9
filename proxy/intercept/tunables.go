package intercept

import (
	"fmt"
	"slices"
	"strings"
)

// Tunables are what may be changed while an Interceptor works.
type Tunables struct {
	SizeAliases map[string]string // names that configs may use for sizes
	Ignore      Ignored           // whose use of a cluster is none
	Notices     string            // strategy.notices of sessions that do not set it; empty: changes
}

// Tune changes what may be changed. Sessions keep the default of strategy.notices that they began with.
func (i *Interceptor) Tune(t Tunables) error {
	if t.Notices == "" {
		t.Notices = noticesChanges
	}
	if !slices.Contains(noticeLevels, t.Notices) {
		return fmt.Errorf("notices: %q is none of %s", t.Notices, strings.Join(noticeLevels, ", "))
	}
	if err := t.Ignore.Check(); err != nil {
		return fmt.Errorf("ignore: %w", err)
	}
	i.tunables.Store(&t)
	return nil
}
