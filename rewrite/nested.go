package rewrite

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// nested looks for a write to our table inside a statement: in WITH, or what has no form of
// its own here (MERGE, TRUNCATE, EXPLAIN ANALYZE of a write).
func (r writeReader) nested(node *pg_query.Node) (op Operation, found bool) {
	top := node.ProtoReflect()
	var walk func(m protoreflect.Message, depth int)
	walk = func(m protoreflect.Message, depth int) {
		if explain, ok := m.Interface().(*pg_query.ExplainStmt); ok && !executes(explain) {
			return
		}
		// The statement itself stands two messages deep: the node, and what it holds.
		if kind, tables := written(m); depth > 1 || kind == Merge || kind == Truncate {
			if slices.ContainsFunc(tables, r.env.ours) {
				op, found = kind, true
				return
			}
		}
		each(m, func(child protoreflect.Message) { walk(child, depth+1) })
	}
	walk(top, 0)
	return op, found
}

// written tells what a statement writes to.
func written(m protoreflect.Message) (Operation, []*pg_query.RangeVar) {
	switch s := m.Interface().(type) {
	case *pg_query.InsertStmt:
		return Insert, []*pg_query.RangeVar{s.Relation}
	case *pg_query.UpdateStmt:
		return Update, []*pg_query.RangeVar{s.Relation}
	case *pg_query.DeleteStmt:
		return Delete, []*pg_query.RangeVar{s.Relation}
	case *pg_query.MergeStmt:
		return Merge, []*pg_query.RangeVar{s.Relation}
	case *pg_query.TruncateStmt:
		var tables []*pg_query.RangeVar
		for _, relation := range s.Relations {
			tables = append(tables, relation.GetRangeVar())
		}
		return Truncate, tables
	}
	return "", nil
}

// executes tells whether an EXPLAIN runs its statement.
func executes(s *pg_query.ExplainStmt) bool {
	return slices.ContainsFunc(s.Options, func(option *pg_query.Node) bool { return option.GetDefElem().GetDefname() == "analyze" })
}

// unparsed is a write that PostgreSQL's parser refuses although the server may
// take it: nothing is known but the kind. nil: it writes to something else.
func unparsed(piece Piece, env Env) *Write {
	for i, t := range piece.Tokens {
		next := func(words ...string) bool {
			if i+1 < len(piece.Tokens) && piece.Tokens[i+1].Is(words...) {
				i++
				return true
			}
			return false
		}
		var op Operation
		switch {
		case t.Is("insert") && next("into"):
			op = Insert
		case t.Is("merge") && next("into"):
			op = Merge
		case t.Is("delete") && next("from"):
			op = Delete
		case t.Is("update"):
			op = Update
		case t.Is("truncate"):
			op = Truncate
			next("table")
		case t.Is("copy") && i == 0 && !slices.ContainsFunc(piece.Tokens, func(t Token) bool { return t.Is("to") }):
			op = Copy
		default:
			continue
		}
		next("only")
		if env.ours(tableAt(piece.Tokens[i+1:])) {
			return &Write{Op: op, Opaque: true}
		}
	}
	return nil
}

// tableAt reads a name of up to three parts; nil: there is none.
func tableAt(tokens []Token) *pg_query.RangeVar {
	var parts []string
	for i := 0; i < len(tokens); i += 2 {
		name, ok := tokens[i].Name()
		if !ok {
			return nil
		}
		parts = append(parts, name)
		if i+1 == len(tokens) || !tokens[i+1].isOp(".") {
			break
		}
	}
	switch len(parts) {
	case 1:
		return &pg_query.RangeVar{Relname: parts[0]}
	case 2:
		return &pg_query.RangeVar{Schemaname: parts[0], Relname: parts[1]}
	case 3:
		return &pg_query.RangeVar{Catalogname: parts[0], Schemaname: parts[1], Relname: parts[2]}
	}
	return nil
}
