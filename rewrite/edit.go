package rewrite

import (
	"slices"
	"strings"
)

// Edit replaces the bytes of a span. An empty span is an insertion.
type Edit struct {
	Span
	Text string
}

// Apply makes edits, which must not overlap, in any order. All other bytes
// stay as they are.
func Apply(text string, edits []Edit) string {
	if len(edits) == 0 {
		return text
	}
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int { return a.Start - b.Start })
	var b strings.Builder
	at := 0
	for _, e := range sorted {
		b.WriteString(text[at:e.Start])
		b.WriteString(e.Text)
		at = e.End
	}
	b.WriteString(text[at:])
	return b.String()
}
