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
