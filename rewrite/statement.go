package rewrite

import (
	"slices"
	"strings"
)

// Table is the name of the table whose writes are ours.
const Table = "mz_cluster_strategies"

// Env is what decides which table an unqualified name means.
type Env struct {
	Database   string // current database
	Schema     string // where the tables are
	SearchPath string // as the server reports it; empty: the default, "public"
}

// inPath tells whether the schema of the tables is on the search path.
func (e Env) inPath() bool {
	path := e.SearchPath
	if path == "" {
		path = "public"
	}
	return slices.ContainsFunc(strings.Split(path, ","), func(part string) bool {
		part = strings.TrimSpace(part)
		if name, err := decodeIdent(part); err == nil {
			return name == e.Schema
		}
		return lower(part) == e.Schema
	})
}

// StatementKind says whose business a statement is.
type StatementKind uint8

// The kinds of statements.
const (
	Other     StatementKind = iota // none of ours
	IsWrite                        // writes to mz_cluster_strategies
	IsPrepare                      // PREPARE name AS a write to it
	IsExecute                      // EXECUTE name (...)
	IsForget                       // DEALLOCATE or DISCARD
	IsCommand                      // a custom command
	IsSetting                      // SET or RESET client_min_messages
)

// Statement is one statement of a text.
type Statement struct {
	Span
	Kind    StatementKind
	Write   *Write  // IsWrite, IsPrepare
	Name    string  // of the prepared statement: IsPrepare, IsExecute, IsForget (empty: all)
	Args    []Value // IsExecute
	Command Command // IsCommand
	Setting Setting // IsSetting
}

// Setting is a value for client_min_messages.
type Setting struct {
	Local bool
	Value string // empty: the default
}

// Classify takes a text apart. It returns a Statement for each of its
// statements, those of others included. A malformed custom command is a
// *SyntaxError; a text that cannot be cut into tokens gives nothing, for the
// server to complain about.
func Classify(text string, env Env) ([]Statement, error) {
	pieces, err := Split(text)
	if err != nil {
		return nil, nil //nolint:nilerr // the server's error says it better
	}
	statements := make([]Statement, 0, len(pieces))
	for _, piece := range pieces {
		s, err := classify(text, piece, env)
		if err != nil {
			return nil, err
		}
		statements = append(statements, s)
	}
	return statements, nil
}

func classify(text string, piece Piece, env Env) (Statement, error) {
	s := Statement{Span: piece.Span}
	command, err := parseCommand(text, piece, env)
	if err != nil {
		return s, err
	}
	if command != nil {
		s.Kind, s.Command = IsCommand, command
		return s, nil
	}
	first := piece.Tokens[0]
	switch {
	case first.Is("insert", "update", "delete", "copy", "with"):
		if s.Write = parseWrite(text, piece, env); s.Write != nil {
			s.Kind = IsWrite
		}
	case first.Is("prepare"):
		if s.Write = parseWrite(text, piece, env); s.Write != nil {
			s.Kind, s.Name = IsPrepare, nameAfter(piece, 1)
		}
	case first.Is("execute"):
		s.Kind, s.Name, s.Args = IsExecute, nameAfter(piece, 1), executeArgs(text, piece)
	case first.Is("set", "reset"):
		if setting, ok := minMessages(piece); ok {
			s.Kind, s.Setting = IsSetting, setting
		}
	case first.Is("deallocate", "discard"):
		s.Kind, s.Name = IsForget, forgotten(piece)
	}
	return s, nil
}

func nameAfter(piece Piece, i int) string {
	if i >= len(piece.Tokens) {
		return ""
	}
	name, _ := piece.Tokens[i].Name()
	return name
}

// forgotten is the name that DEALLOCATE [PREPARE] name gives; empty for ALL.
func forgotten(piece Piece) string {
	i := 1
	if len(piece.Tokens) > 2 && piece.Tokens[1].Is("prepare") {
		i = 2
	}
	if i < len(piece.Tokens) && piece.Tokens[i].Is("all") {
		return ""
	}
	return nameAfter(piece, i)
}

// minMessages reads SET [SESSION|LOCAL] client_min_messages {TO|=} value, and
// RESET client_min_messages.
func minMessages(piece Piece) (s Setting, ok bool) {
	i := 1
	if len(piece.Tokens) > 2 && piece.Tokens[1].Is("session", "local") {
		s.Local = piece.Tokens[1].Is("local")
		i = 2
	}
	if nameAfter(piece, i) != "client_min_messages" {
		return s, false
	}
	if i+2 < len(piece.Tokens) && !piece.Tokens[i+2].Is("default") {
		s.Value = lower(piece.Tokens[i+2].Text)
	}
	return s, true
}
