package mzsim

import (
	"strings"
)

// clusterPrivileges and systemPrivileges are what ALL stands for.
var (
	clusterPrivileges = []string{"USAGE", "CREATE"}
	systemPrivileges  = []string{"CREATEROLE", "CREATEDB", "CREATECLUSTER", "CREATENETWORKPOLICY"}
)

// privilegeDDL translates GRANT and REVOKE of privileges ON CLUSTER and ON SYSTEM. ok is false if it is another statement.
func (p *parser) privilegeDDL() (d ddl, ok bool) {
	giving := p.accept("grant")
	if !giving && !p.accept("revoke") {
		return ddl{}, false
	}
	wanted := p.privileges()
	var clusters []string
	known := systemPrivileges
	switch {
	case p.accept("on", "cluster"):
		clusters, known = p.idents(), clusterPrivileges
	case !p.accept("on", "system"):
		return ddl{}, false
	}
	if giving {
		p.expect("to")
	} else {
		p.expect("from")
	}
	p.accept("group")
	roles := p.idents()
	p.end()
	if len(wanted) == 1 && wanted[0] == "ALL" {
		wanted = known
	}
	var list any // NULL: the system
	if clusters != nil {
		list = clusters
	}
	tag := map[bool]string{true: "GRANT", false: "REVOKE"}[giving]
	return ddl{tag, call("change_privileges", giving, wanted, list, roles)}, true
}

// idents reads identifiers with commas between them.
func (p *parser) idents() []string {
	names := []string{p.ident()}
	for p.acceptOp(",") {
		names = append(names, p.ident())
	}
	return names
}

func (p *parser) dropRoles() ddl {
	ifExists := p.ifExists()
	names := p.idents()
	p.end()
	return ddl{"DROP ROLE", call("drop_roles", names, ifExists)}
}

// defaultPrivileges are the kinds of objects that there are default privileges on, and what ALL stands for.
var defaultPrivileges = map[string][]string{
	"tables": {"INSERT", "SELECT", "UPDATE", "DELETE"}, "types": {"USAGE"}, "secrets": {"USAGE"}, "connections": {"USAGE"},
	"databases": {"USAGE", "CREATE"}, "schemas": {"USAGE", "CREATE"}, "clusters": {"USAGE", "CREATE"},
}

// alterDefaultPrivileges reads ALTER DEFAULT PRIVILEGES FOR {ROLE r | ALL ROLES} [IN {SCHEMA s | DATABASE d}] {GRANT | REVOKE} p ON kind {TO | FROM} r.
func (p *parser) alterDefaultPrivileges() ddl {
	p.expect("for")
	var owners, schemas any // NULL: anybody, anywhere
	switch {
	case p.accept("role"), p.accept("user"):
		owners = p.idents()
	case p.accept("all", "roles"):
	default:
		p.expected("one of ROLE or USER or ALL")
	}
	inDatabase := false
	if p.accept("in") {
		switch {
		case p.accept("schema"):
			schemas = p.schemaNames()
		case p.accept("database"):
			inDatabase = true
			p.idents()
		default:
			p.expected("one of SCHEMA or DATABASE")
		}
	}
	giving := p.accept("grant")
	if !giving && !p.accept("revoke") {
		p.expected("one of GRANT or REVOKE")
	}
	wanted := p.privileges()
	p.expect("on")
	kind := p.ident()
	known, ok := defaultPrivileges[kind]
	if p.err == nil && !ok {
		p.pos--
		p.expected("one of TABLES or TYPES or SECRETS or CONNECTIONS or DATABASES or SCHEMAS or CLUSTERS")
	}
	if len(wanted) == 1 && wanted[0] == "ALL" {
		wanted = known
	}
	if giving {
		p.expect("to")
	} else {
		p.expect("from")
	}
	p.accept("group")
	grantees := p.idents()
	p.end()
	return ddl{"ALTER DEFAULT PRIVILEGES", call("alter_default_privileges", giving, owners, schemas, inDatabase, strings.TrimSuffix(kind, "s"), wanted, grantees)}
}

// schemaNames reads names of schemas, with or without the database in front.
func (p *parser) schemaNames() []string {
	var names []string
	for {
		name := p.ident()
		if p.acceptOp(".") {
			name = p.ident()
		}
		names = append(names, name)
		if !p.acceptOp(",") {
			return names
		}
	}
}

// privileges reads names of privileges with commas between them.
func (p *parser) privileges() []string {
	var wanted []string
	for {
		wanted = append(wanted, strings.ToUpper(p.ident()))
		p.accept("privileges")
		if !p.acceptOp(",") {
			return wanted
		}
	}
}
