package mzsim

import (
	"fmt"
	"slices"
	"strings"

	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// shadowed are the relations of PostgreSQL that are read through a view of schema mz_sim.
var shadowed = []string{"pg_class", "pg_roles"}

// respell changes a query in two ways that PostgreSQL needs: a subquery in FROM gets a name, and pg_class and pg_roles are read through views,
// in which materialized views are such, and rolsuper is never false.
func respell(sql string) string {
	if lower := strings.ToLower(sql); !strings.Contains(lower, "(") && !slices.ContainsFunc(shadowed, func(name string) bool { return strings.Contains(lower, name) }) {
		return sql
	}
	tokens, err := rewrite.Tokens(sql)
	if err != nil {
		return sql // PostgreSQL will say what is wrong with it
	}
	s := speller{sql: sql, tokens: tokens, levels: []level{{}}}
	for s.at = range tokens {
		s.token()
	}
	return pgtext.Apply(sql, s.edits)
}

// speller goes over a query once.
type speller struct {
	sql    string
	tokens []rewrite.Token
	at     int
	levels []level // of parentheses
	named  int
	edits  []pgtext.Edit
}

// level is what is known between two parentheses.
type level struct {
	from    bool // in a FROM clause
	unnamed bool // is a subquery in FROM, which needs a name
}

// put writes text in the place of the bytes from start to end.
func (s *speller) put(start, end int, text string) {
	s.edits = append(s.edits, pgtext.Edit{Span: pgtext.Span{Start: start, End: end}, Text: text})
}

// clauseWords end a FROM clause, or follow a table in it that has no name of its own.
var (
	clauseWords = wordSet("where group having order limit offset fetch union except intersect window for select returning set")
	joinWords   = wordSet("join left right inner full cross natural on using lateral tablesample")
)

func (s *speller) token() {
	t := s.tokens[s.at]
	top := &s.levels[len(s.levels)-1]
	switch {
	case t.Is("from"):
		top.from = true
	case t.Kind == rewrite.Keyword && clauseWords[t.Text]:
		top.from = false
	case t.Kind == rewrite.Op && t.Text == "(":
		s.levels = append(s.levels, level{unnamed: s.inFrom(s.at) && s.next().Is("select", "with", "values", "table")})
	case t.Kind == rewrite.Op && t.Text == ")" && len(s.levels) > 1:
		s.levels = s.levels[:len(s.levels)-1]
		if next := s.next(); top.unnamed && (next.Kind == rewrite.Op || clauseWords[next.Text] || joinWords[next.Text] && next.Kind == rewrite.Keyword) {
			s.named++
			s.put(t.End, t.End, fmt.Sprintf(` AS "subquery %d"`, s.named))
		}
	case t.Is(shadowed...):
		s.relation()
	}
}

// next is the token behind; past the end it is an Op without text.
func (s *speller) next() rewrite.Token {
	if s.at+1 < len(s.tokens) {
		return s.tokens[s.at+1]
	}
	return rewrite.Token{Kind: rewrite.Op}
}

// inFrom tells whether a relation stands at i.
func (s *speller) inFrom(i int) bool {
	if i == 0 {
		return false
	}
	before := s.tokens[i-1]
	return before.Is("from", "join", "lateral") || before.Kind == rewrite.Op && before.Text == "," && s.levels[len(s.levels)-1].from
}

// relation leads such a relation, with or without its schema, to the view, and its columns to that.
func (s *speller) relation() {
	begin := s.at
	if begin >= 2 && s.tokens[begin-1].Text == "." && s.tokens[begin-2].Is("pg_catalog") {
		begin -= 2
	}
	switch {
	case s.next().Text == "." && begin < s.at: // a column of it
		s.put(s.tokens[begin].Start, s.tokens[s.at].End, s.tokens[s.at].Text)
	case s.next().Text != "." && s.inFrom(begin):
		s.put(s.tokens[begin].Start, s.tokens[s.at].End, "mz_sim."+s.tokens[s.at].Text)
	}
}
