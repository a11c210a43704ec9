package proxy

import (
	"strings"

	"mzproxy/rewrite/pgtext"
)

// An edit replaces the bytes start to end of a text.
type edit struct {
	start, end int
	text       string
}

// edits are in order and do not overlap.
type edits []edit

// apply returns the edited text.
func (es edits) apply(text string) string {
	if len(es) == 0 {
		return text
	}
	var b strings.Builder
	at := 0
	for _, e := range es {
		b.WriteString(text[at:e.start])
		b.WriteString(e.text)
		at = e.end
	}
	b.WriteString(text[at:])
	return b.String()
}

// edited is a text with the changes that were made for the server. The zero
// value is a text that was not changed.
type edited struct {
	text  string // the client's
	edits edits
}

// position maps a position in the server's text to one in the client's. Both
// count characters from 1. What lies inside a replacement maps to the place that
// it replaces.
func (t edited) position(position int) int {
	text, es := t.text, t.edits
	if len(es) == 0 || position <= 0 {
		return position
	}
	offset := pgtext.ByteOffset(es.apply(text), position)
	shift := 0 // bytes that the edits so far have added
	for _, e := range es {
		begin := e.start + shift
		if offset < begin {
			break
		}
		if offset < begin+len(e.text) {
			return pgtext.CharPosition(text, min(e.start+offset-begin, max(e.start, e.end-1)))
		}
		shift += len(e.text) - (e.end - e.start)
	}
	return pgtext.CharPosition(text, offset-shift)
}
