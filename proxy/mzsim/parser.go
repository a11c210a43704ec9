package mzsim

import (
	"fmt"
	"regexp"
	"strings"

	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// parser reads the tokens of one statement. The first error sticks: later
// calls do nothing and return zero values, so that a grammar reads in one
// column. The messages are those of Materialize's parser.
type parser struct {
	text   string // the whole text that the tokens point into
	tokens []rewrite.Token
	pos    int
	err    *proxy.Error
	waits  func(token string) string // see statement
}

// at looks n tokens ahead; past the end it is an Op without text.
func (p *parser) at(n int) rewrite.Token {
	if i := p.pos + n; i < len(p.tokens) {
		return p.tokens[i]
	}
	end := len(p.text)
	if len(p.tokens) > 0 {
		end = p.tokens[len(p.tokens)-1].End
	}
	return rewrite.Token{Kind: rewrite.Op, Start: end, End: end}
}

func (p *parser) done() bool { return p.pos >= len(p.tokens) }

// next tells whether these words come next.
func (p *parser) next(words ...string) bool {
	for i, w := range words {
		if !p.at(i).Is(w) {
			return false
		}
	}
	return p.err == nil
}

// accept reads these words if they come next.
func (p *parser) accept(words ...string) bool {
	if !p.next(words...) {
		return false
	}
	p.pos += len(words)
	return true
}

func (p *parser) nextOp(op string) bool {
	t := p.at(0)
	return p.err == nil && !p.done() && t.Kind == rewrite.Op && t.Text == op
}

func (p *parser) acceptOp(op string) bool {
	if !p.nextOp(op) {
		return false
	}
	p.pos++
	return true
}

func (p *parser) expect(words ...string) {
	if !p.accept(words...) {
		p.expected(strings.ToUpper(strings.Join(words, " ")))
	}
}

var opNames = map[string]string{
	"(": "left parenthesis", ")": "right parenthesis", ",": "comma", ".": "dot", ";": "semicolon", "*": "star",
}

func (p *parser) expectOp(op string) {
	if !p.acceptOp(op) {
		p.expected(opNames[op])
	}
}

// end expects the end of the statement.
func (p *parser) end() {
	if !p.done() {
		p.expected("end of statement")
	}
}

// ident reads an identifier.
func (p *parser) ident() string {
	name, ok := p.at(0).Name()
	switch {
	case p.err != nil || p.done() || !ok:
		p.expected("identifier")
		return ""
	case name == "":
		p.fail("42601", "zero-length delimited identifier")
		return ""
	}
	p.pos++
	return name
}

// word reads an identifier or a string constant, as where an option's value is one word.
func (p *parser) word() string {
	if p.at(0).Kind == rewrite.String && !p.done() {
		return p.str()
	}
	return p.ident()
}

// qualified reads a name of one to three parts and returns it quoted for PostgreSQL,
// without the database, of which there is one only.
func (p *parser) qualified() string {
	parts := []string{p.ident()}
	for p.acceptOp(".") {
		parts = append(parts, p.ident())
	}
	if len(parts) > 3 {
		p.fail("42601", "qualified name did not have between 1 and 3 components")
	}
	if len(parts) == 3 {
		parts = parts[1:]
	}
	for i := range parts {
		parts[i] = pgtext.QuoteIdent(parts[i])
	}
	return strings.Join(parts, ".")
}

func (p *parser) str() string {
	t := p.at(0)
	if p.err != nil || p.done() || t.Kind != rewrite.String {
		p.expected("literal string")
		return ""
	}
	p.pos++
	return t.Text
}

// ifExists reads IF EXISTS, ifNotExists IF NOT EXISTS.
func (p *parser) ifExists() bool    { return p.accept("if", "exists") }
func (p *parser) ifNotExists() bool { return p.accept("if", "not", "exists") }

// rest returns the source from the next token to the end of the statement, and reads it.
func (p *parser) rest() string {
	if p.done() || p.err != nil {
		return ""
	}
	start := p.at(0).Start
	p.pos = len(p.tokens)
	return p.text[start:p.tokens[len(p.tokens)-1].End]
}

// expected records a syntax error about the next token.
func (p *parser) expected(what string) {
	p.failAt(p.at(0).Start, "42601", fmt.Sprintf("Expected %s, found %s", what, p.found()))
}

// found names the next token.
func (p *parser) found() string {
	t := p.at(0)
	switch {
	case p.done():
		return "EOF"
	case t.Kind == rewrite.Keyword && keywords[t.Text]:
		return strings.ToUpper(t.Text)
	case t.Kind == rewrite.Keyword || t.Kind == rewrite.QuotedID:
		return `identifier "` + t.Text + `"`
	case t.Kind == rewrite.String:
		return fmt.Sprintf("string literal \"%s\"", t.Text)
	case t.Kind == rewrite.Number:
		return fmt.Sprintf("number %q", t.Text)
	case opNames[t.Text] != "":
		return opNames[t.Text]
	default:
		return fmt.Sprintf("operator %q", t.Text)
	}
}

func (p *parser) fail(code, message string) { p.failAt(-1, code, message) }

func (p *parser) failAt(offset int, code, message string) {
	if p.err != nil {
		return
	}
	p.err = &proxy.Error{Code: code, Message: message}
	if offset >= 0 {
		p.err.Position = pgtext.CharPosition(p.text, offset)
	}
}

var plainName = regexp.MustCompile(`^[a-z_][a-z0-9_$]*$`)

// quoteName quotes an identifier that does not stand for itself without quotes, as the search path shows its names.
func quoteName(name string) string {
	if plainName.MatchString(name) && !keywords[name] {
		return name
	}
	return pgtext.QuoteIdent(name)
}
