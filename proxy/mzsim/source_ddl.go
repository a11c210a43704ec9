package mzsim

import "strings"

// sourceColumns are the columns of the sources and of the tables of sources that the stand-in makes; they never get rows.
var sourceColumns = map[string]string{
	"load-generator": "counter bigint", "kafka": "key bytea, data bytea",
	"postgres": "", "mysql": "", "sql-server": "", "webhook": "body jsonb",
	"table": "id bigint, data text",
}

// createSource reads CREATE SOURCE name [IN CLUSTER c] FROM kind ...
func (p *parser) createSource() ddl {
	ifNotExists := p.ifNotExists()
	name := p.qualified()
	p.balanced()
	cluster := p.inCluster()
	p.expect("from")
	kind, connection := p.sourceKind()
	p.skipOptions()
	statement := "CREATE TABLE " + name + " (" + sourceColumns[kind] + ")"
	return ddl{"CREATE SOURCE", call("create_object", "source", kind, name, connection, cluster, ifNotExists, statement, p.source())}
}

// sourceKind reads what a source is made of, and the name of its connection, if it takes one.
func (p *parser) sourceKind() (kind string, connection *string) {
	switch {
	case p.accept("load", "generator"):
		if !p.accept("counter") {
			p.fail("0A000", "load generators other than COUNTER not yet supported")
		}
		return "load-generator", nil
	case p.accept("webhook"):
		return "webhook", nil
	case p.accept("sql", "server"):
		kind = "sql-server"
	case p.next("kafka"), p.next("mysql"), p.next("postgres"):
		kind = p.ident()
	default:
		p.expected("one of KAFKA or POSTGRES or SQL or MYSQL or LOAD")
		return "", nil
	}
	p.expect("connection")
	c := p.qualified()
	return kind, &c
}

// skipOptions reads what follows a connection: it has no effect here, but for the tables of a source, which have to be made one by one.
func (p *parser) skipOptions() {
	for p.err == nil && !p.done() {
		switch {
		case p.nextOp("("):
			p.balanced()
		case p.next("for", "all", "tables"), p.next("for", "tables"), p.next("for", "schemas"):
			p.fail("0A000", "FOR TABLES in CREATE SOURCE not yet supported; use CREATE TABLE ... FROM SOURCE")
		default:
			p.pos++
		}
	}
}

// createSink reads CREATE SINK [name] [IN CLUSTER c] FROM relation INTO kind CONNECTION c ...
func (p *parser) createSink() ddl {
	ifNotExists := p.ifNotExists()
	name := p.ident()
	cluster := p.inCluster()
	p.expect("from")
	relation := p.qualified()
	p.expect("into")
	kind := "kafka"
	switch {
	case p.accept("kafka"):
	case p.accept("iceberg", "catalog"):
		kind = "iceberg"
	default:
		p.expected("one of KAFKA or ICEBERG")
	}
	p.expect("connection")
	connection := p.qualified()
	p.skipOptions()
	return ddl{"CREATE SINK", call("register", "sink", kind, name, "", relation, connection, cluster, ifNotExists, p.source())}
}

// connectionKinds are the words after TO, and the type that mz_connections shows.
var connectionKinds = []struct{ words, kind string }{
	{"aws privatelink", "aws-privatelink"}, {"aws glue schema registry", "glue-schema-registry"}, {"aws", "aws"}, {"gcp", "gcp"}, {"kafka", "kafka"},
	{"confluent schema registry", "confluent-schema-registry"}, {"postgres", "postgres"}, {"ssh tunnel", "ssh-tunnel"},
	{"sql server", "sql-server"}, {"mysql", "mysql"}, {"iceberg catalog", "iceberg"},
}

// createConnection reads CREATE CONNECTION name TO kind (options). Nobody is connected to.
func (p *parser) createConnection() ddl {
	ifNotExists := p.ifNotExists()
	name := p.qualified()
	p.expect("to")
	kind := ""
	for _, k := range connectionKinds {
		if p.accept(strings.Fields(k.words)...) {
			kind = k.kind
			break
		}
	}
	if kind == "" {
		p.expected("one of AWS or GCP or KAFKA or CONFLUENT or POSTGRES or SSH or SQL or MYSQL or ICEBERG")
	}
	if !p.nextOp("(") {
		p.expected("left parenthesis")
	}
	p.balanced()
	if p.accept("with") {
		p.balanced()
	}
	p.end()
	return ddl{"CREATE CONNECTION", call("register_item", "connection", kind, name, ifNotExists, p.source())}
}

// createSecret reads CREATE SECRET name AS value. Nobody needs the value, so that it is not kept.
func (p *parser) createSecret() ddl {
	ifNotExists := p.ifNotExists()
	name := p.qualified()
	p.expect("as")
	if p.rest() == "" {
		p.expected("expression")
	}
	return ddl{"CREATE SECRET", call("register_item", "secret", nil, name, ifNotExists, nil)}
}

// createTable leaves CREATE TABLE to PostgreSQL, but for CREATE TABLE name FROM SOURCE source [(REFERENCE relation)].
func (p *parser) createTable() (ddl, bool) {
	ifNotExists := p.ifNotExists()
	name := p.qualified()
	p.balanced()
	if !p.accept("from", "source") {
		p.err = nil
		return ddl{}, p.checkTable()
	}
	source := p.qualified()
	p.skipOptions()
	statement := "CREATE TABLE " + name + " (" + sourceColumns["table"] + ")"
	return ddl{"CREATE TABLE", call("create_object", "table", nil, name, source, nil, ifNotExists, statement, p.source())}, true
}
