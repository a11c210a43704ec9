package mzsim

import (
	"strings"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// queryBody is what Materialize's parser expects where a query has to begin.
const queryBody = "SELECT, VALUES, or a subquery in the query body"

// foreign is the error of a statement that PostgreSQL's grammar takes and Materialize's does not, in the words of the latter; nil if
// it is none.
func (st *statement) foreign(text string) *proxy.Error {
	p := &parser{text: text, tokens: st.Tokens}
	for p.pos = range p.tokens {
		if p.foreignToken(); p.err != nil {
			return p.err
		}
	}
	p.pos = 0
	switch st.Tokens[0].Text {
	case "insert":
		p.insertGrammar()
	case "update":
		p.updateGrammar()
	case "delete":
		p.deleteGrammar()
	case "create":
		if p.accept("create", "table") && p.tableName() && p.next("as") {
			p.expected("a list of columns in parentheses")
		}
	case "select", "with", "values", "table", "(", "copy":
		p.queryGrammar()
	}
	return p.err
}

// foreignToken refuses spellings of names and constants.
func (p *parser) foreignToken() {
	t := p.at(0)
	source := strings.ToLower(p.text[t.Start:t.End])
	switch {
	case strings.HasPrefix(source, "x'"):
		p.fail("0A000", "hex string literals not yet supported")
	case strings.HasPrefix(source, "b'"):
		p.fail("XX000", `type "b" does not exist`)
	case source == "n" && p.at(1).Kind == rewrite.String && p.at(1).Start == t.End:
		p.fail("XX000", `type "n" does not exist`)
	case t.Kind == rewrite.String && strings.HasPrefix(source, "u&"):
		p.fail("XX000", `column "u" does not exist`)
	case t.Kind == rewrite.QuotedID && strings.HasPrefix(source, "u&"):
		what := "end of statement"
		if p.pos == 2 && p.tokens[0].Is("insert") {
			what = queryBody
		}
		p.failAt(t.Start+1, "42601", "Expected "+what+`, found operator "&"`)
	case t.Kind == rewrite.String && p.pos > 0 && p.at(-1).Kind == rewrite.String:
		p.expected("end of statement")
	case p.nextOp("`"):
		p.expected("an expression")
	case p.nextOp("[") && p.pos > 0 && p.at(-1).Is("select"):
		p.fail("42601", "expected id")
	case source == "\v":
		p.fail("42601", "unexpected character in input: \v")
	}
}

// tableName reads [IF NOT EXISTS] name.
func (p *parser) tableName() bool {
	p.ifNotExists()
	p.qualified()
	return p.err == nil
}

// insertGrammar reads INSERT INTO name [(columns)], behind which a query has to begin.
func (p *parser) insertGrammar() {
	p.expect("insert")
	p.expect("into")
	p.qualified()
	if p.acceptOp("(") {
		for p.ident(); p.acceptOp(","); p.ident() {
		}
		p.expectOp(")")
	}
	if p.err == nil && !p.at(0).Is("select", "values", "with", "table", "default") && !p.nextOp("(") {
		p.expected(queryBody)
	}
	p.queryGrammar()
}

// updateGrammar reads UPDATE name [[AS] alias] SET assignments [WHERE condition].
func (p *parser) updateGrammar() {
	p.expect("update")
	only := p.next("only") && !p.at(1).Is("set")
	p.qualified()
	p.accept("as")
	if p.at(0).Kind != rewrite.Op && !p.next("set") {
		p.ident()
	}
	if !p.accept("set") {
		p.expected("SET")
	} else if only {
		p.fail("XX000", "unknown catalog item 'only'")
	}
	for depth, where := 0, false; p.err == nil && !p.done(); p.pos++ {
		switch {
		case p.nextOp("("):
			if depth++; !where && p.at(1).Is("select", "values", "with") {
				p.fail("XX000", "SET clause does not allow subqueries")
			}
		case p.nextOp(")"):
			depth--
		case depth == 0 && p.next("where"):
			where = true
		case depth == 0 && p.at(0).Is("from", "returning") && !p.at(-1).Is("distinct"):
			p.expected("end of statement")
		}
	}
}

// deleteGrammar reads DELETE FROM name ..., which returns nothing.
func (p *parser) deleteGrammar() {
	p.expect("delete")
	p.expect("from")
	if p.next("only") && p.pos+1 < len(p.tokens) && !p.at(1).Is("where", "using") {
		p.fail("XX000", "unknown catalog item 'only'")
	}
	for ; p.err == nil && !p.done(); p.pos++ {
		if p.next("returning") {
			p.expected("end of statement")
		}
	}
}

// queryGrammar refuses queries that write, and those that lock rows.
func (p *parser) queryGrammar() {
	for depth := 0; p.err == nil && !p.done(); p.pos++ {
		t := p.at(0)
		switch {
		case p.nextOp("("):
			depth++
		case p.nextOp(")"):
			depth--
		case t.Is("insert", "update", "delete") && p.pos > 0 && p.at(-1).Kind == rewrite.Op && (p.at(-1).Text == "(" || p.at(-1).Text == ")" && depth == 0):
			p.expected(queryBody)
		case depth == 0 && p.next("for") && p.at(1).Is("update", "share", "no", "key"):
			p.pos++
			p.expected("end of statement")
		}
	}
}

// missingFunctions are functions of PostgreSQL that Materialize has not, and that programs for PostgreSQL call.
var missingFunctions = wordSet(`set_config query_to_xml table_to_xml cursor_to_xml pg_notify pg_sleep pg_sleep_for pg_sleep_until txid_current
	txid_current_if_assigned pg_current_xact_id inet_server_addr inet_server_port inet_client_addr inet_client_port nextval currval setval lastval
	pg_reload_conf pg_switch_wal pg_current_wal_lsn pg_export_snapshot pg_logical_emit_message lo_create lo_unlink lo_from_bytea
	lo_get lo_put dblink clock_timestamp pg_blocking_pids`)

// missingFunction is the first function that the statement calls and that there is not; "" if there is none.
func missingFunction(u rewrite.Usage) string {
	for _, f := range u.Functions {
		if missingFunctions[f] || strings.HasPrefix(f, "pg_advisory_") || strings.HasPrefix(f, "pg_try_advisory_") {
			return f
		}
	}
	return ""
}

// errUnsafe is the error for a function that is for developers of Materialize only.
var errUnsafe = &proxy.Error{Code: "XX000", Message: "executing potentially dangerous functions is not supported",
	Detail: "The requested feature (unsafe_enable_unsafe_functions) is unsafe and is meant only for internal development and testing of Materialize."}

// errNoFunction is the error for a function that does not exist.
func errNoFunction(name string) *proxy.Error {
	return &proxy.Error{Code: "XX000", Message: `function "` + name + `" does not exist`,
		Hint: "No function matches the given name and argument types. You might need to add explicit type casts."}
}
