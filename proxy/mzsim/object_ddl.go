package mzsim

import (
	"strings"

	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// objectDDL translates a statement that makes or drops something that a
// cluster maintains, or that PostgreSQL writes in another way. ok is false if it is another statement.
func (p *parser) objectDDL() (d ddl, ok bool) {
	switch {
	case p.accept("create", "default", "index"):
		return p.createIndex(true), true
	case p.accept("create", "index"):
		return p.createIndex(false), true
	case p.accept("create", "materialized", "view"):
		return p.createMaterializedView(""), true
	case p.accept("create", "or", "replace", "materialized", "view"):
		return p.createMaterializedView("OR REPLACE "), true
	case p.accept("create", "source"):
		return p.createSource(), true
	case p.accept("create", "sink"):
		return p.createSink(), true
	case p.accept("create", "connection"):
		return p.createConnection(), true
	case p.accept("create", "secret"):
		return p.createSecret(), true
	case p.accept("drop", "index"):
		return p.dropObjects("index"), true
	case p.accept("drop", "materialized", "view"):
		return p.dropObjects("materialized-view"), true
	case p.accept("drop", "source"):
		return p.dropObjects("source"), true
	case p.accept("drop", "sink"):
		return p.dropObjects("sink"), true
	case p.accept("drop", "connection"):
		return p.dropObjects("connection"), true
	case p.accept("drop", "secret"):
		return p.dropObjects("secret"), true
	case p.accept("drop", "role"):
		return p.dropRoles(), true
	case p.accept("create", "role"):
		return p.createRole(), true
	case p.accept("alter", "default", "privileges"):
		return p.alterDefaultPrivileges(), true
	case p.accept("alter", "role"):
		return p.alterRole()
	case p.accept("alter", "schema"):
		return p.swapSchemas()
	case p.accept("alter", "system"):
		return p.alterSystem(), true
	case p.accept("create", "table"):
		return p.createTable()
	}
	return ddl{}, false
}

// source is the whole statement as it was written.
func (p *parser) source() string {
	return p.text[p.tokens[0].Start:p.tokens[len(p.tokens)-1].End]
}

// inCluster reads IN CLUSTER c, if it is there.
func (p *parser) inCluster() *string {
	if !p.accept("in", "cluster") {
		return nil
	}
	name := p.ident()
	return &name
}

// createIndex reads CREATE [DEFAULT] INDEX [IF NOT EXISTS] [name] [IN CLUSTER c] ON relation [USING method] [(keys)].
func (p *parser) createIndex(isDefault bool) ddl {
	ifNotExists := p.ifNotExists()
	var name *string
	if !p.next("in", "cluster") && !p.next("on") {
		n := p.ident()
		name = &n
	}
	cluster := p.inCluster()
	p.expect("on")
	relation := p.qualified()
	if p.accept("using") {
		p.ident()
	}
	suffix := "_primary_idx"
	if isDefault {
		p.end()
	} else if !p.nextOp("(") {
		p.expected("left parenthesis")
	} else if columns := p.keyColumns(); len(columns) > 0 {
		suffix = "_" + strings.Join(columns, "_") + "_idx"
	}
	return ddl{"CREATE INDEX", call("register", "index", nil, name, suffix, relation, nil, cluster, ifNotExists, p.source())}
}

// keyColumns reads the keys of an index to the end and returns those that are plain columns.
func (p *parser) keyColumns() []string {
	var columns []string
	for ; !p.done(); p.pos++ {
		if name, ok := p.at(0).Name(); ok {
			columns = append(columns, name)
		}
	}
	return columns
}

// createMaterializedView makes it a view, which is always up to date, too.
func (p *parser) createMaterializedView(orReplace string) ddl {
	ifNotExists := p.ifNotExists()
	name := p.qualified()
	columns := p.balanced()
	cluster := p.inCluster()
	if p.accept("with") {
		p.balanced()
	}
	p.expect("as")
	statement := "CREATE " + orReplace + "VIEW " + name + " " + columns + " AS " + p.rest()
	return ddl{"CREATE MATERIALIZED VIEW", call("create_object", "materialized-view", nil, name, nil, cluster, ifNotExists, statement, p.source())}
}

// balanced reads a parenthesised part, if one comes next, and returns its source.
func (p *parser) balanced() string {
	if !p.nextOp("(") {
		return ""
	}
	start, depth := p.at(0).Start, 0
	for p.err == nil && !p.done() {
		switch {
		case p.nextOp("("):
			depth++
		case p.nextOp(")"):
			depth--
		}
		end := p.at(0).End
		p.pos++
		if depth == 0 {
			return p.text[start:end]
		}
	}
	p.expected("right parenthesis")
	return ""
}

func (p *parser) dropObjects(kind string) ddl {
	ifExists := p.ifExists()
	names := []string{p.qualified()}
	for p.acceptOp(",") {
		names = append(names, p.qualified())
	}
	tag := "DROP " + strings.ToUpper(strings.ReplaceAll(kind, "-", " "))
	return ddl{tag, call("drop_objects", kind, names, ifExists, p.cascade())}
}

// swapSchemas leaves ALTER SCHEMA to PostgreSQL, but for SWAP WITH.
func (p *parser) swapSchemas() (ddl, bool) {
	name := p.ident()
	if !p.accept("swap", "with") {
		return ddl{}, false
	}
	other := p.ident()
	p.end()
	return ddl{"ALTER SCHEMA", call("swap_schemas", name, other)}, true
}

// createRole lets every role log in, as in an environment without authentication.
func (p *parser) createRole() ddl {
	text := p.source()
	for _, t := range p.tokens {
		if t.Is("login", "nologin") {
			return ddl{"CREATE ROLE", text}
		}
	}
	return ddl{"CREATE ROLE", text + " LOGIN"}
}

// alterRole translates ALTER ROLE r SET and RESET of variables that only Materialize has, which PostgreSQL lets superusers set only.
func (p *parser) alterRole() (ddl, bool) {
	role := p.ident()
	set := p.accept("set")
	if !set && !p.accept("reset") {
		return ddl{}, false
	}
	name := p.variable()
	if _, ours := variableDefaults[name]; !ours {
		return ddl{}, false
	}
	var value any // nil: none
	if set && !p.acceptOp("=") {
		p.expect("to")
	}
	if set && !p.accept("default") {
		value = strings.Join(p.values(), ", ")
	}
	p.end()
	return ddl{"ALTER ROLE", call("alter_role", role, customSetting(name), value)}, true
}

// alterSystem translates ALTER SYSTEM SET and RESET of variables that are knobs here.
func (p *parser) alterSystem() ddl {
	var value any // nil: the default
	set := p.accept("set")
	if !set {
		p.expect("reset")
	}
	name := p.ident()
	if set && !p.acceptOp("=") {
		p.expect("to")
	}
	if set && !p.accept("default") {
		if values := p.values(); len(values) > 0 {
			value = strings.Join(values, ", ")
		}
	}
	p.end()
	knob, ok := knobOf(name)
	if !ok {
		p.fail("42704", `unrecognized configuration parameter "`+name+`"`)
	}
	return ddl{"ALTER SYSTEM", call("alter_system", knob, value)}
}

// checkTable refuses what Materialize's tables do not have. It returns whether it did.
func (p *parser) checkTable() bool {
	for i, t := range p.tokens {
		switch {
		case t.Is("primary") && i+1 < len(p.tokens) && p.tokens[i+1].Is("key"), t.Is("unique"):
			p.fail("XX000", "CREATE TABLE with a primary key or unique constraint is not supported")
			p.err.Detail = "The requested feature (unsafe_enable_table_keys) is unsafe and is meant only for internal development and testing of Materialize."
		case t.Is("references", "foreign"):
			p.fail("XX000", "CREATE TABLE with a foreign key is not supported")
		case t.Is("check"):
			p.fail("XX000", "CREATE TABLE with a check constraint is not supported")
		}
	}
	return p.err != nil
}

// checkConflict refuses INSERT ... ON CONFLICT.
func checkConflict(text string, tokens []rewrite.Token) *proxy.Error {
	for i := range len(tokens) - 1 {
		if tokens[i].Is("on") && tokens[i+1].Is("conflict") {
			return &proxy.Error{Code: "42601", Message: "Expected end of statement, found ON", Position: pgtext.CharPosition(text, tokens[i].Start)}
		}
	}
	return nil
}
