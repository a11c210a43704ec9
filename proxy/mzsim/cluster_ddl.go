package mzsim

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"mzproxy/rewrite/pgtext"
)

// ddl is a statement on clusters or objects, translated.
type ddl struct {
	tag  string // what Materialize answers
	call string // the statement that PostgreSQL runs in its place
}

// call renders CALL mz_sim.procedure(arguments); every argument becomes a constant.
func call(procedure string, args ...any) string {
	list := make([]string, len(args))
	for i, a := range args {
		list[i] = constant(a)
	}
	return fmt.Sprintf("CALL mz_sim.%s(%s)", procedure, strings.Join(list, ", "))
}

// constant renders a Go value as SQL: strings, string lists, truth values, and
// everything else as jsonb.
func constant(a any) string {
	switch v := a.(type) {
	case nil:
		return "NULL"
	case bool:
		return fmt.Sprint(v)
	case string:
		return pgtext.QuoteLiteral(v) + "::text"
	case *string:
		if v == nil {
			return "NULL::text"
		}
		return constant(*v)
	case []string:
		items := make([]string, len(v))
		for i := range v {
			items[i] = constant(v[i])
		}
		return "ARRAY[" + strings.Join(items, ", ") + "]::text[]"
	}
	data, err := json.Marshal(a)
	if err != nil {
		panic(fmt.Sprintf("mzsim: specs are maps of plain values: %v", err))
	}
	return pgtext.QuoteLiteral(string(data)) + "::jsonb"
}

// clusterDDL translates a statement that begins with CREATE, ALTER, DROP or
// COMMENT ON, and CLUSTER. ok is false if it is another statement.
func (p *parser) clusterDDL() (d ddl, ok bool) {
	switch {
	case p.accept("create", "cluster", "replica"):
		return p.createReplica(), true
	case p.accept("create", "cluster"):
		return p.createCluster(), true
	case p.accept("alter", "cluster", "replica"):
		return p.alterReplica(), true
	case p.accept("alter", "cluster"):
		return p.alterCluster(), true
	case p.accept("drop", "cluster", "replica"):
		return p.dropReplicas(), true
	case p.accept("drop", "cluster"):
		return p.dropClusters(), true
	case p.accept("comment", "on", "cluster"):
		return p.commentOnCluster(), true
	}
	return ddl{}, false
}

func (p *parser) createCluster() ddl {
	ifNotExists := p.ifNotExists()
	name := p.ident()
	p.acceptOp("=") // never valid, but the options report it
	s := p.parenthesised(clusterOptions)
	p.end()
	p.checkCluster(s)
	s["if_not_exists"] = ifNotExists
	return ddl{"CREATE CLUSTER", call("create_cluster", name, s)}
}

// parenthesised reads options with or without parentheses around them.
func (p *parser) parenthesised(known []option) spec {
	if !p.acceptOp("(") {
		return p.options(known)
	}
	s := p.options(known)
	p.expectOp(")")
	return s
}

// checkCluster finds out whether a new cluster is managed, and refuses options of the other kind.
func (p *parser) checkCluster(s spec) {
	_, replicas := s["replicas"]
	managed := !replicas
	if m, ok := s["managed"].(bool); ok {
		managed = m
	}
	delete(s, "managed")
	if _, ok := s["workload_class"]; ok {
		p.fail("XX000", "WORKLOAD CLASS not supported for non-system users")
	}
	if managed {
		switch {
		case replicas:
			p.fail("XX000", "REPLICAS not supported for managed clusters")
		case s["size"] == nil:
			p.fail("XX000", "SIZE must be specified for managed clusters")
		}
		return
	}
	if !replicas {
		p.fail("XX000", "REPLICAS must be specified for unmanaged clusters")
	}
	for _, o := range clusterOptions {
		if _, ok := s[strings.ReplaceAll(o.name, " ", "_")]; ok && o.name != "replicas" && o.name != "schedule" {
			p.fail("XX000", strings.ToUpper(o.name)+" not supported for unmanaged clusters")
			return
		}
	}
	if s["schedule"] == "on-refresh" {
		p.fail("XX000", "cluster schedules other than MANUAL are not supported for unmanaged clusters")
	}
}

// managedReplica matches the names of the replicas of managed clusters.
var managedReplica = regexp.MustCompile(`^r\d+$`)

func (p *parser) createReplica() ddl {
	ifNotExists := p.ifNotExists()
	cluster, replica := p.replicaName()
	s := p.parenthesised(replicaOptions)
	p.end()
	if s["internal"] == true && managedReplica.MatchString(replica) {
		p.fail("XX000", replica+" is reserved for replicas of managed clusters")
	}
	p.checkReplica(s)
	s["name"], s["if_not_exists"] = replica, ifNotExists
	return ddl{"CREATE CLUSTER REPLICA", call("create_replica", cluster, s)}
}

func (p *parser) replicaName() (cluster, replica string) {
	cluster = p.ident()
	p.expectOp(".")
	return cluster, p.ident()
}

func (p *parser) alterReplica() ddl {
	ifExists := p.ifExists()
	cluster, replica := p.replicaName()
	s := spec{}
	if p.accept("owner", "to") {
		p.ident()
		p.fail("XX000", "altering the owner of a cluster replica is not supported")
	}
	p.expect("rename", "to")
	s["name"] = p.ident()
	p.end()
	return ddl{"ALTER CLUSTER REPLICA", call("alter_replica", cluster, replica, s, ifExists)}
}

func (p *parser) alterCluster() ddl {
	const tag = "ALTER CLUSTER"
	ifExists := p.ifExists()
	name := p.ident()
	var text string
	switch {
	case p.accept("rename", "to"):
		text = call("rename_cluster", name, p.ident(), ifExists)
	case p.accept("swap", "with"):
		text = call("swap_clusters", name, p.ident(), ifExists)
	case p.accept("owner", "to"):
		text = call("own_cluster", name, p.ident())
	case p.accept("reset"):
		text = call("set_options", name, p.resetOptions(), ifExists)
	case p.accept("set"):
		p.expectOp("(")
		s := p.options(clusterOptions)
		p.expectOp(")")
		if _, ok := s["replicas"]; ok {
			p.fail("XX000", "REPLICAS not supported for managed clusters")
		}
		if wait := p.waitClause(); wait != nil {
			s["wait"] = wait
			p.waits = func(token string) string {
				wait["token"] = token
				return call("set_options", name, s, ifExists)
			}
		}
		text = call("set_options", name, s, ifExists)
	default:
		p.expected("one of OWNER or RENAME or RESET or SET or SWAP")
	}
	p.end()
	return ddl{tag, text}
}

// resetOptions reads RESET (options) and returns the defaults that are to be set.
func (p *parser) resetOptions() spec {
	defaults := map[string]any{
		"replication factor": 1, "managed": true, "auto scaling strategy": nil, "schedule": "manual",
		"workload class": nil, "availability zones": []string{}, "introspection interval": "1s", "introspection debugging": false,
	}
	s := spec{}
	p.expectOp("(")
	for p.err == nil {
		o, _ := p.option(clusterOptions)
		value, ok := defaults[o.name]
		if p.err == nil && !ok && o.kind != ignoredOption {
			p.fail("XX000", strings.ToUpper(o.name)+" has no default value")
		}
		if ok {
			s[strings.ReplaceAll(o.name, " ", "_")] = value
		}
		if !p.acceptOp(",") {
			break
		}
	}
	p.expectOp(")")
	return s
}

// waitClause reads WITH (WAIT FOR '30s') or WITH (WAIT UNTIL READY (TIMEOUT =
// '10m', ON TIMEOUT = 'COMMIT')): how long, what then, and whether what is ready before has to wait, too. nil: it is not there.
func (p *parser) waitClause() spec {
	if !p.accept("with") {
		return nil
	}
	p.expectOp("(")
	p.expect("wait")
	p.acceptOp("=")
	if p.accept("for") {
		wait := spec{"timeout": p.str(), "on_timeout": "commit", "patient": true}
		p.expectOp(")")
		return wait
	}
	p.expect("until", "ready")
	p.expectOp("(")
	s := p.options([]option{{"timeout", textOption}, {"on timeout", textOption}})
	if p.err == nil && s["timeout"] == nil {
		p.fail("XX000", "TIMEOUT=<duration> option is required for ALTER CLUSTER ... WITH (WAIT UNTIL READY ( ... ))")
	}
	if on, ok := s["on_timeout"].(string); ok && !strings.EqualFold(on, "commit") && !strings.EqualFold(on, "rollback") {
		p.fail("XX000", "invalid ON TIMEOUT: expected COMMIT or ROLLBACK")
	}
	p.expectOp(")")
	p.expectOp(")")
	return s
}

func (p *parser) dropReplicas() ddl {
	ifExists := p.ifExists()
	var targets []spec
	for {
		cluster, replica := p.replicaName()
		targets = append(targets, spec{"cluster": cluster, "replica": replica})
		if !p.acceptOp(",") {
			break
		}
	}
	p.end()
	return ddl{"DROP CLUSTER REPLICA", call("drop_replicas", targets, ifExists)}
}

func (p *parser) dropClusters() ddl {
	ifExists := p.ifExists()
	names := p.idents()
	return ddl{"DROP CLUSTER", call("drop_clusters", names, ifExists, p.cascade())}
}

// cascade reads the end of a DROP statement.
func (p *parser) cascade() bool {
	cascade := p.accept("cascade")
	if !cascade {
		p.accept("restrict")
	}
	p.end()
	return cascade
}

func (p *parser) commentOnCluster() ddl {
	var cluster string
	var replica, comment *string
	if p.accept("replica") && !p.next("is") {
		c, r := p.replicaName()
		cluster, replica = c, &r
	} else {
		cluster = p.ident()
	}
	p.expect("is")
	if !p.accept("null") {
		text := p.str()
		comment = &text
	}
	p.end()
	return ddl{"COMMENT", call("comment_on", cluster, replica, comment)}
}
