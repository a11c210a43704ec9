package mzsim

import (
	"strings"

	"mzproxy/rewrite"
)

// loggedTypes are the types that the activity log gives statements, by their first word. Others are
// as many words as name what they create or alter.
var loggedTypes = map[string]string{
	"begin": "start_transaction", "start": "start_transaction", "commit": "commit", "end": "commit", "rollback": "rollback", "abort": "rollback",
	"set": "set_variable", "reset": "reset_variable", "show": "show", "select": "select", "values": "select", "with": "select", "table": "select",
	"insert": "insert", "update": "update", "delete": "delete", "copy": "copy", "declare": "declare", "fetch": "fetch", "close": "close",
	"prepare": "prepare", "execute": "execute", "deallocate": "deallocate", "discard": "discard", "subscribe": "subscribe",
	"explain": "explain_plan", "drop": "drop_objects", "comment": "comment",
}

// loggedType is the type that the activity log gives a statement.
func loggedType(st *statement) string {
	first := st.Tokens[0].Text
	second := ""
	if len(st.Tokens) > 1 {
		second = st.Tokens[1].Text
	}
	switch {
	case first == "(":
		return "select"
	case first == "set" && second == "transaction":
		return "set_transaction"
	case first == "drop" && second == "owned":
		return "drop_owned"
	case loggedTypes[first] != "":
		return loggedTypes[first]
	case first == "grant", first == "revoke":
		for _, t := range st.Tokens {
			if t.Is("on") {
				return first + "_privileges"
			}
		}
		return first + "_role"
	case first == "alter":
		return loggedAlter(st)
	}
	return strings.ToLower(strings.ReplaceAll(definitionTag(st.Tokens), " ", "_"))
}

// loggedAlter is the type of an ALTER statement: what several kinds of objects have in common goes by that.
func loggedAlter(st *statement) string {
	for i, t := range st.Tokens[2:] {
		next := ""
		if i+3 < len(st.Tokens) {
			next = st.Tokens[i+3].Text
		}
		switch {
		case st.Tokens[1].Is("system") && t.Is("set", "reset"):
			return "alter_system_" + t.Text
		case t.Is("rename") && next == "to":
			return "alter_object_rename"
		case t.Is("swap") && next == "with":
			return "alter_object_swap"
		case t.Is("owner") && next == "to":
			return "alter_owner"
		}
	}
	return "alter_" + st.Tokens[1].Text
}

// loggedText is the statement as it is logged: without what it writes.
func loggedText(st *statement) string {
	switch loggedType(st) {
	case "insert", "update", "execute":
		return st.shown
	case "create_secret":
		before, _, _ := strings.Cut(strings.ToUpper(st.source), " AS ")
		return st.source[:len(before)] + " AS '<REDACTED>'"
	}
	return st.source
}

// redacted is the statement without its constants.
func redacted(st *statement) string {
	var b strings.Builder
	last := st.Tokens[0].Start
	for _, t := range st.Tokens {
		if t.Kind == rewrite.String || t.Kind == rewrite.Number {
			b.WriteString(st.source[last-st.Start:t.Start-st.Start] + "'<REDACTED>'")
			last = t.End
		}
	}
	b.WriteString(st.source[last-st.Start:])
	return b.String()
}

// indexedRelations are relations of the system that have an index, from which a plain query is answered at once.
var indexedRelations = wordSet(`mz_clusters mz_cluster_replicas mz_cluster_replica_statuses mz_cluster_replica_history mz_cluster_replica_sizes
	mz_hydration_statuses mz_indexes mz_materialized_views mz_sources mz_sinks mz_tables mz_views mz_roles mz_schemas mz_databases mz_objects
	mz_cluster_auto_scaling_strategies mz_statement_execution_history_redacted pg_roles`)

// loggedStrategy says how a query is executed that has been admitted: "constant", from an index ("fast-path"), or by
// a dataflow of its own ("standard"). Other statements have none.
func loggedStrategy(st *statement, sc scope) string {
	switch show := st.Tokens[0].Is("show"); {
	case st.kind == kindFetch:
		return "standard"
	case st.Tokens[0].Is("explain"), show && st.kind != kindRead:
		return "constant"
	case st.kind != kindRead:
		return ""
	case show:
		return "fast-path"
	case len(st.usage.Relations) == 0:
		return "constant"
	}
	limited := false
	for _, t := range st.Tokens {
		if t.Is("join", "union", "group", "distinct", "with", "count", "max", "min", "sum", "intersect", "except") {
			return "standard"
		}
		limited = limited || t.Is("limit")
	}
	if len(st.usage.Relations) == 1 && (limited || len(sc.users) == 0 && indexedRelations[st.usage.Relations[0].Name]) {
		return "fast-path"
	}
	return "standard"
}
