package mzsim

import (
	"fmt"
	"slices"
	"strings"

	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// set reads SET [SESSION | LOCAL] name {TO | =} value and returns the statement for PostgreSQL
// too, if it differs. Statements that begin with SET and set no variable give nil.
func (p *parser) set() (a *assignment, text string) {
	p.expect("set")
	local := p.accept("local")
	if !local {
		p.accept("session")
	}
	if p.next("transaction") || p.next("characteristics") {
		return p.setTransaction()
	}
	if p.next("time", "zone") {
		return nil, ""
	}
	if p.accept("names") {
		return nil, p.setEncoding()
	}
	name := p.variable()
	if !p.acceptOp("=") && !p.accept("to") && (name != searchPath || p.nextOp(".")) {
		p.expected("equals sign or TO")
	}
	if p.err == nil && kindOf(name) == "" {
		p.fail("42704", fmt.Sprintf("unrecognized configuration parameter %q", name))
	}
	if name == clientEncoding && p.err == nil {
		return nil, p.setEncoding()
	}
	if p.next("default") {
		p.pos++
		p.end()
		return &assignment{name: name, reset: true}, resetText(name)
	}
	values := p.values()
	if name == searchPath {
		for i, v := range values {
			values[i] = quoteName(v)
		}
	}
	a = &assignment{name: name, value: strings.Join(values, ", "), local: local}
	return a, setText(a)
}

// setEncoding reads the value of client_encoding, of which there is one.
func (p *parser) setEncoding() string {
	if p.accept("default") {
		return nothing
	}
	for _, value := range p.values() {
		if !isUTF8(value) {
			p.fail("22023", fmt.Sprintf("invalid value for parameter %q: %q", clientEncoding, value))
		}
	}
	return nothing
}

// isolationLevels are the levels that there are.
var isolationLevels = []string{"read uncommitted", "read committed", "repeatable read", "serializable", "strict serializable", "strong session serializable"}

// setTransaction reads SET TRANSACTION and SET SESSION CHARACTERISTICS AS TRANSACTION. PostgreSQL's own level is not what a test can tell.
func (p *parser) setTransaction() (*assignment, string) {
	local := p.accept("transaction")
	if !local {
		p.expect("characteristics", "as", "transaction")
	}
	words := ""
	for _, t := range p.tokens[p.pos:] {
		words += " " + t.Text
	}
	if strings.Contains(words, " read only") || strings.Contains(words, " read write") {
		p.fail("0A000", "SET TRANSACTION <access-mode> not yet supported")
	}
	p.expect("isolation", "level")
	level := strings.TrimPrefix(words, " isolation level ")
	if p.err == nil && !slices.Contains(isolationLevels, level) {
		p.expected("isolation level")
	}
	a := &assignment{name: "transaction_isolation", value: level, local: local}
	return a, setText(a)
}

// variable reads the name of a variable. SCHEMA is another one for the search path.
func (p *parser) variable() string {
	name := p.ident()
	if name == "schema" {
		return searchPath
	}
	return name
}

// values reads the comma-separated values of SET.
func (p *parser) values() []string {
	var values []string
	for p.err == nil {
		sign := ""
		if p.acceptOp("-") {
			sign = "-"
		}
		t := p.at(0)
		if p.done() || t.Kind == rewrite.Op || t.Kind == rewrite.Param {
			p.expected("variable value")
			return nil
		}
		p.pos++
		values = append(values, sign+t.Text)
		if !p.acceptOp(",") {
			break
		}
	}
	p.end()
	return values
}

// setText is the SET statement for PostgreSQL; "" if it is the user's own.
func setText(a *assignment) string {
	scope := "SESSION"
	if a.local {
		scope = "LOCAL"
	}
	if _, ours := variableDefaults[a.name]; ours {
		return "SET " + scope + " " + customSetting(a.name) + " = " + strings.TrimSpace(pgtext.QuoteLiteral(a.value))
	}
	if a.name == searchPath {
		return "SET " + scope + " search_path = " + a.value
	}
	return ""
}

func resetText(name string) string {
	if _, ours := variableDefaults[name]; ours {
		return "RESET " + customSetting(name)
	}
	return ""
}

// reset reads RESET name. ALL is a name, too.
func (p *parser) reset() (*assignment, string) {
	p.expect("reset")
	if p.next("all") {
		p.fail("42704", `unrecognized configuration parameter "\"all\""`)
	}
	name := p.variable()
	p.end()
	if p.err == nil && kindOf(name) == "" {
		p.fail("42704", fmt.Sprintf("unrecognized configuration parameter %q", name))
	}
	return &assignment{name: name, reset: true}, resetText(name)
}

// serverVersion is the PostgreSQL version that Materialize claims to be.
const serverVersion = "9.5.0"

// showVariable reads SHOW of a variable. The answer is a query, because the value is that at execution.
func (p *parser) showVariable() (query, name string) {
	switch {
	case p.accept("transaction", "isolation", "level"):
		name = "transaction_isolation"
	case p.accept("time", "zone"):
		name = "timezone"
	case p.accept("all"):
		p.end()
		return "SELECT name, mz_sim.show(name) AS setting, description FROM mz_sim.variables ORDER BY name", ""
	default:
		name = p.variable()
	}
	p.end()
	return "SELECT mz_sim.show(" + constant(name) + ") AS " + pgtext.QuoteIdent(name), name
}
