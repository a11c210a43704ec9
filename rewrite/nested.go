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
// take it: nothing is known but the kind. nil: it writes to something else. A write anywhere else in the statement than
// at its head, or behind PREPARE name AS, is a *DoubtError.
func unparsed(piece Piece, env Env) (*Write, error) {
	tokens := piece.Tokens
	head := 0
	if len(tokens) > 3 && tokens[0].Is("prepare") && tokens[2].Is("as") {
		head = 3
	}
	op, table := target(tokens[head:])
	for i, t := range tokens {
		if i != head && t.Is(writeVerbs...) {
			return nil, &DoubtError{Offset: t.Start, Message: "this form of a statement that names " + Table + " is not supported",
				Hint: "Run INSERT, UPDATE, DELETE or COPY as a statement of its own."}
		}
	}
	if op != "" && env.ours(table) {
		return &Write{Op: op, Opaque: true}, nil
	}
	return nil, nil
}

// writeVerbs are the words that a write begins with.
var writeVerbs = []string{"insert", "update", "delete", "copy", "merge", "truncate"}

// target reads what a statement writes to; "": it begins as no write does.
func target(tokens []Token) (Operation, *pg_query.RangeVar) {
	i := 0
	next := func(words ...string) bool {
		if i < len(tokens) && tokens[i].Is(words...) {
			i++
			return true
		}
		return false
	}
	var op Operation
	switch {
	case next("insert") && next("into"):
		op = Insert
	case next("merge") && next("into"):
		op = Merge
	case next("delete") && next("from"):
		op = Delete
	case next("update"):
		op = Update
	case next("truncate"):
		op = Truncate
		next("table")
	case next("copy"):
		if op = Copy; !next("into") && copiesOut(tokens[i:]) {
			return "", nil
		}
	default:
		return "", nil
	}
	next("only")
	return op, tableAt(tokens[i:])
}

// copiesOut tells whether what follows COPY is ... TO.
func copiesOut(tokens []Token) bool {
	depth := 0
	for _, t := range tokens {
		switch {
		case t.isOp("("):
			depth++
		case t.isOp(")"):
			depth--
		case depth == 0 && t.Is("from", "to"):
			return t.Is("to")
		}
	}
	return false
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
