package rewrite

import (
	"fmt"
	"strings"
)

// SyntaxError is a custom command that is not well formed.
type SyntaxError struct {
	Offset   int      // byte offset in the text
	Found    string   // the token there; empty: end of input
	Expected []string // what may stand there
	Message  string   // instead of "syntax error at or near"
}

// Error is in the words of PostgreSQL.
func (e *SyntaxError) Error() string {
	switch {
	case e.Message != "":
		return e.Message
	case e.Found == "":
		return "syntax error at end of input"
	}
	return fmt.Sprintf("syntax error at or near %q", e.Found)
}

// Hint says what may stand there, in a sentence.
func (e *SyntaxError) Hint() string {
	switch n := len(e.Expected); n {
	case 0:
		return ""
	case 1:
		return "Expected " + e.Expected[0] + "."
	default:
		return "Expected " + strings.Join(e.Expected[:n-1], ", ") + " or " + e.Expected[n-1] + "."
	}
}
