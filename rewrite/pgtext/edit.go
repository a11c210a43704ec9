package pgtext

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
	var b strings.Builder
	at := 0
	for _, e := range inOrder(edits) {
		b.WriteString(text[at:e.Start])
		b.WriteString(e.Text)
		at = e.End
	}
	b.WriteString(text[at:])
	return b.String()
}

// inOrder returns edits in the order of the text.
func inOrder(edits []Edit) []Edit {
	before := func(a, b Edit) int { return a.Start - b.Start }
	if slices.IsSortedFunc(edits, before) {
		return edits
	}
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, before)
	return sorted
}

// Edited is a text with the changes that were made to it. Without changes it is the text.
type Edited struct {
	Text  string
	Edits []Edit
}

// Apply returns the changed text.
func (t Edited) Apply() string { return Apply(t.Text, t.Edits) }

// Position maps a position in the changed text to one in the text as it was. Both
// count characters from 1. What lies inside a replacement maps to the place that
// it replaces.
func (t Edited) Position(position int) int {
	if len(t.Edits) == 0 || position <= 0 {
		return position
	}
	offset := ByteOffset(t.Apply(), position)
	shift := 0 // bytes that the edits so far have added
	for _, e := range inOrder(t.Edits) {
		begin := e.Start + shift
		if offset < begin {
			break
		}
		if offset < begin+len(e.Text) {
			return CharPosition(t.Text, min(e.Start+offset-begin, max(e.Start, e.End-1)))
		}
		shift += len(e.Text) - (e.End - e.Start)
	}
	return CharPosition(t.Text, offset-shift)
}
