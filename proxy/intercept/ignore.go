package intercept

import (
	"fmt"
	"slices"

	"mzproxy/rewrite"
)

// Ignored says whose sessions are no use of clusters, whatever they do: as patterns of LIKE. Monitoring and what keeps connections alive is such.
type Ignored struct{ Users, Applications []string }

// Check finds patterns that are none.
func (i Ignored) Check() error {
	for _, pattern := range slices.Concat(i.Users, i.Applications) {
		if _, err := rewrite.Like(pattern, ""); err != nil {
			return fmt.Errorf("%q: %w", pattern, err)
		}
	}
	return nil
}

// ignores tells whether a session is one of them.
func (i Ignored) ignores(user, application string) bool {
	return anyLike(i.Users, user) || anyLike(i.Applications, application)
}

func anyLike(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		matches, _ := rewrite.Like(pattern, text)
		return matches
	})
}
