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
	var wanted []string
	for {
		wanted = append(wanted, strings.ToUpper(p.ident()))
		p.accept("privileges")
		if !p.acceptOp(",") {
			break
		}
	}
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
