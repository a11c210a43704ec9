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
	Code     string   // SQLSTATE; empty: that of a syntax error
	Meant    string   // the command that was meant, perhaps; instead of what is expected
}

// Error is in the words of PostgreSQL.
func (e *SyntaxError) Error() string {
	switch {
	case e.Message != "":
		return e.Message
	case e.Found == "":
		return "syntax error at end of input"
	}
	return fmt.Sprintf(`syntax error at or near "%s"`, e.Found)
}

// Hint says what may stand there, in a sentence.
func (e *SyntaxError) Hint() string {
	switch n := len(e.Expected); {
	case e.Meant != "":
		return PerhapsCommand(e.Meant)
	case n == 0:
		return ""
	case n == 1:
		return "Expected " + e.Expected[0] + "."
	default:
		return "Expected " + strings.Join(e.Expected[:n-1], ", ") + " or " + e.Expected[n-1] + "."
	}
}

// PerhapsCommand is a hint that names a command.
func PerhapsCommand(meant string) string { return "Perhaps you meant " + meant + "." }

// ColumnError is a column that mz_cluster_strategies does not have.
type ColumnError struct {
	Offset  int // byte offset in the text
	Column  string
	Columns []string // that it has
}

// Error is in the words of PostgreSQL.
func (e *ColumnError) Error() string {
	return fmt.Sprintf(`column "%s" of relation "%s" does not exist`, e.Column, Table)
}

// SettingError is a setting that starts like ours and is none.
type SettingError struct {
	Offset int // byte offset in the text
	Name   string
}

// Error is in the words of PostgreSQL.
func (e *SettingError) Error() string {
	return fmt.Sprintf(`unrecognized configuration parameter "%s"`, e.Name)
}

// Placed is an error at a place in a text.
type Placed interface {
	error
	// Place is the byte offset in the text.
	Place() int
}

var (
	_ Placed = (*SyntaxError)(nil)
	_ Placed = (*ColumnError)(nil)
	_ Placed = (*SettingError)(nil)
)

// Place implements Placed.
func (e *SyntaxError) Place() int { return e.Offset }

// Place implements Placed.
func (e *ColumnError) Place() int { return e.Offset }

// Place implements Placed.
func (e *SettingError) Place() int { return e.Offset }
