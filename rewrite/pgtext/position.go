package pgtext

import "unicode/utf8"

// Span is a part of a text: its bytes from Start to End.
type Span struct{ Start, End int }

// Of returns the part of a text.
func (s Span) Of(text string) string { return text[s.Start:s.End] }

// ByteOffset is the offset of the character at a position, as an ErrorResponse carries it: in characters, from 1.
func ByteOffset(text string, position int) int {
	n := 1
	for i := range text {
		if n == position {
			return i
		}
		n++
	}
	return len(text)
}

// CharPosition is the position of the character that has the byte at an offset.
func CharPosition(text string, offset int) int {
	if offset >= len(text) {
		return utf8.RuneCountInString(text) + 1
	}
	n := 0
	for i := range text {
		if i > offset {
			break
		}
		n++
	}
	return max(n, 1)
}
