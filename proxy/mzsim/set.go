package mzsim

import (
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
	if p.next("transaction") || p.next("characteristics") || p.next("time", "zone") || p.next("authorization") || p.next("role") {
		return nil, p.setTransaction()
	}
	name := p.ident()
	if name == "schema" {
		name = searchPath
	}
	if !p.acceptOp("=") && !p.accept("to") && name != searchPath {
		p.expected("equals sign or TO")
	}
	if p.next("default") {
		p.pos++
		p.end()
		return &assignment{name: name, reset: true}, resetText(name)
	}
	values := p.values()
	if name == searchPath {
		for i, v := range values {
			values[i] = pgtext.QuoteIdent(v)
		}
	}
	a = &assignment{name: name, value: strings.Join(values, ", "), local: local}
	return a, setText(a)
}

// setTransaction refuses what Materialize does not have and passes the rest.
func (p *parser) setTransaction() string {
	words := ""
	for _, t := range p.tokens[p.pos:] {
		words += " " + t.Text
	}
	if strings.Contains(words, " read only") || strings.Contains(words, " read write") {
		p.fail("0A000", "SET TRANSACTION <access-mode> not yet supported")
	}
	if strings.Contains(words, "strict serializable") {
		return "SET TRANSACTION ISOLATION LEVEL READ COMMITTED" // PostgreSQL's level is not what a test can tell
	}
	return ""
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

// reset reads RESET name and RESET ALL.
func (p *parser) reset() (*assignment, string) {
	p.expect("reset")
	if p.accept("all") {
		return &assignment{reset: true}, ""
	}
	name := p.ident()
	if name == "schema" {
		name = searchPath
	}
	p.end()
	return &assignment{name: name, reset: true}, resetText(name)
}

// constants of SHOW that PostgreSQL would answer differently.
var shownConstants = map[string]string{"server_version": serverVersion, "mz_version": mzVersion, "max_identifier_length": "255"}

// serverVersion is the PostgreSQL version that Materialize claims to be.
const serverVersion = "9.5.0"

// showVariable reads SHOW name. The answer is a query, because the value is
// that at execution; "" leaves the statement to PostgreSQL.
func (p *parser) showVariable() string {
	name := p.ident()
	p.end()
	expr := ""
	if value, ok := shownConstants[name]; ok {
		expr = pgtext.QuoteLiteral(value)
	} else if fallback, ours := variableDefaults[name]; ours {
		expr = "coalesce(nullif(current_setting(" + pgtext.QuoteLiteral(customSetting(name)) + ", true), ''), " + pgtext.QuoteLiteral(fallback) + ")"
	} else if knob, ok := systemKnobs[name]; ok {
		expr = "mz_sim.knob(" + pgtext.QuoteLiteral(knob) + ")"
		if knob == "statement_logging" {
			expr = "mz_sim.logging_rate()::text"
		}
	} else if name == "statement_logging_default_sample_rate" {
		expr = "mz_sim.logging_rate()::text"
	}
	if expr == "" || p.err != nil {
		return ""
	}
	return "SELECT " + expr + " AS " + pgtext.QuoteIdent(name)
}
