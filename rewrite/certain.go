package rewrite

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A DoubtError is a text that names our table and cannot be read with certainty, or that writes to it in a form that is
// not understood.
type DoubtError struct {
	Offset  int // byte offset in the text
	TooLong bool
	Message string
	Hint    string // how to write it
}

// Error says what is in doubt.
func (e *DoubtError) Error() string { return e.Message }

// Place implements Placed.
func (e *DoubtError) Place() int { return e.Offset }

var _ Placed = (*DoubtError)(nil)

// read cuts a text into tokens. It gives none for a text that the server refuses anyway; one that names our table and
// may be read otherwise there is a *DoubtError.
func read(text string) ([]Token, error) {
	tokens, err := Tokens(text)
	if !namesTable(text) {
		return tokens, nil
	}
	at := strings.Index(lower(text), Table)
	doubt := &DoubtError{Offset: max(at, 0), Message: "a text that names " + Table + " can be read in two ways"}
	switch {
	case len(text) > maxText:
		doubt.TooLong, doubt.Message = true, "a text that names "+Table+" is longer than "+strconv.Itoa(maxText)+" bytes"
		doubt.Hint = "Send it in several texts."
		return nil, doubt
	case strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text):
		doubt.Message, doubt.Hint = "a text that names "+Table+" is not valid UTF-8", "Set the client's encoding to UTF8."
		return nil, doubt
	}
	marks, ok := serverMarks(text)
	if !ok {
		return tokens, nil
	}
	doubt.Hint = "Use plain quotes and comments: 'text', \"name\", -- to the end of a line, /* ... */."
	if err != nil {
		return nil, doubt
	}
	if place := disagree(tokens, marks); place >= 0 {
		doubt.Offset = min(place, len(text))
		return nil, doubt
	}
	return tokens, nil
}

// namesTable tells whether the name of our table may stand in a text: as it is, or with escapes.
func namesTable(text string) bool {
	return Contains([]byte(text), Table) || Contains([]byte(text), `u&"`)
}

// disagree is where marks and tokens begin to differ; -1: they do not.
func disagree(tokens []Token, marks []mark) int {
	for _, t := range tokens {
		kind := markOf(t)
		if kind == 0 {
			continue
		}
		if len(marks) == 0 {
			return t.Start
		}
		n := matching(t, kind, marks)
		if n == 0 {
			return min(t.Start, marks[0].start)
		}
		marks = marks[n:]
	}
	if len(marks) > 0 {
		return marks[0].start
	}
	return -1
}

// markOf is the kind of mark that a token should have; 0: none.
func markOf(t Token) byte {
	switch {
	case t.Kind == Keyword:
		return 'w'
	case t.Kind == QuotedID:
		return 'i'
	case t.Kind == String, t.Kind == Op && len(t.Text) > 1 && t.Text[len(t.Text)-1] == '\'': // b'', x''
		return 's'
	case t.isOp(";"), t.isOp("("), t.isOp(")"):
		return t.Text[0]
	}
	return 0
}

// matching counts the marks that a token is; 0: it is something else.
func matching(t Token, kind byte, marks []mark) int {
	n := 0
	if (kind == 's' || kind == 'i') && len(marks) > 1 && marks[0] == (mark{'w', t.Start, t.Start + 1}) && marks[1].start <= t.Start+2 {
		n++ // b'', U&'', U&"": a letter of its own for the server
	}
	m := marks[n]
	switch {
	case m.kind != kind || n == 0 && m.start != t.Start:
		return 0
	case m.end == t.End:
		return n + 1
	case n == 1 && len(marks) > 3 && marks[2].kind == 'w' && marks[3].kind == 's' && marks[3].end == t.End: // UESCAPE ''
		return 4
	}
	return 0
}
