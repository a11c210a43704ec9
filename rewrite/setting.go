package rewrite

import (
	"slices"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"mzproxy/rewrite/pgtext"
)

// MinMessages is the name of the server's setting that our notices respect.
const MinMessages = "client_min_messages"

// Names of the server's settings that decide about the meaning of a table's name.
const (
	searchPath = "search_path"
	database   = "database"
)

// Setting is what a statement makes of one of the server's settings: SET, RESET, or set_config in a SELECT.
type Setting struct {
	Name  string // in lower case
	Local bool
	// Value is a Literal, a Bound, or Default; anything else is not known before the statement runs. Of
	// search_path it is the whole list, as set_config takes it.
	Value Value
}

// moves tells whether it may change what names of tables mean.
func (s Setting) moves() bool { return s.Name == "" || s.Name == searchPath || s.Name == database }

// settings reads what a statement sets.
func settings(text string, piece Piece, env Env) []Setting {
	first := piece.Tokens[0]
	switch {
	case first.Is("set", "reset"):
		if s, ok := setting(piece); ok {
			return []Setting{s}
		}
	case slices.ContainsFunc(piece.Tokens, isSetConfig):
		return setConfigs(text, piece, env)
	}
	return nil
}

// setting reads SET [SESSION|LOCAL] name {TO|=} value [, ...], and RESET name.
func setting(piece Piece) (s Setting, ok bool) {
	tokens := piece.Tokens[1:]
	if len(tokens) > 1 && tokens[0].Is("session", "local") {
		s.Local = tokens[0].Is("local")
		tokens = tokens[1:]
	}
	if len(tokens) == 0 {
		return s, false
	}
	s.Name, ok = tokens[0].Name()
	if s.Name = lower(s.Name); s.Name == "schema" {
		s.Name = searchPath
	}
	tokens = tokens[1:]
	if len(tokens) > 0 && (tokens[0].Is("to") || tokens[0].isOp("=")) {
		tokens = tokens[1:]
	}
	s.Value = Value{Kind: Default}
	if len(tokens) > 0 && !tokens[0].Is("default") {
		s.Value = listed(tokens, s.Name == searchPath)
	}
	return s, ok
}

// listed is the value of SET: names and literals between commas.
func listed(tokens []Token, quoted bool) Value {
	var items []string
	for _, t := range tokens {
		switch {
		case t.isOp(","):
			continue
		case t.Kind == Op || t.Kind == Param, quoted && strings.ContainsAny(t.Text, `,"`): // servers differ about these
			return Value{}
		case quoted:
			items = append(items, `"`+strings.ReplaceAll(t.Text, `"`, `""`)+`"`)
		default:
			items = append(items, t.Text)
		}
	}
	return Value{Kind: Literal, Span: pgtext.Span{Start: tokens[0].Start, End: tokens[len(tokens)-1].End}, Text: strings.Join(items, ", ")}
}

func isSetConfig(t Token) bool {
	name, ok := t.Name()
	return ok && name == "set_config"
}

// setConfigs reads the calls of set_config in a SELECT list. Where there are others, or other arguments, the
// setting has no name: it may be any.
func setConfigs(text string, piece Piece, env Env) []Setting {
	unknown := []Setting{{}}
	node, err := parseOne(piece.Of(text))
	if err != nil {
		return unknown
	}
	v := values{text, piece, env}
	var list []Setting
	for _, target := range node.GetSelectStmt().GetTargetList() {
		call := target.GetResTarget().GetVal().GetFuncCall()
		if n := len(call.GetFuncname()); n == 0 || call.Funcname[n-1].GetString_().GetSval() != "set_config" || len(call.Args) != 3 {
			continue
		}
		name := v.of(call.Args[0])
		if name.Kind != Literal {
			return unknown
		}
		local := v.of(call.Args[2])
		list = append(list, Setting{lower(name.Text), local.Kind != Literal || local.Text != "false", v.of(call.Args[1])})
	}
	calls := 0
	for _, t := range piece.Tokens {
		if isSetConfig(t) {
			calls++
		}
	}
	if calls != len(list) || runsElsewhere(node.GetSelectStmt()) {
		return unknown
	}
	return list
}

// runsElsewhere tells whether it depends on rows whether, and how often, a SELECT list is evaluated.
func runsElsewhere(s *pg_query.SelectStmt) bool {
	return s == nil || len(s.FromClause) > 0 || s.WhereClause != nil || s.WithClause != nil || s.LimitCount != nil || s.Op != pg_query.SetOperation_SETOP_NONE
}
