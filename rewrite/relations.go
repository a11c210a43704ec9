package rewrite

import (
	"errors"
	"fmt"

	pg_query "github.com/pganalyze/pg_query_go/v5"
	pg_parser "github.com/pganalyze/pg_query_go/v5/parser"
	"google.golang.org/protobuf/reflect/protoreflect"

	"mzproxy/rewrite/pgtext"
)

// Relation is a table, view or the like that a statement names. Schema is
// empty where the statement does not say it.
type Relation struct{ Schema, Name string }

// Usage is what a statement touches.
type Usage struct {
	Relations []Relation // in order of appearance; names of WITH queries are left out
	Functions []string   // names without schema, lower case
	Target    *Relation  // of INSERT, UPDATE, DELETE
	// ConstantInsert is set for INSERT ... VALUES without subqueries, and for DEFAULT VALUES.
	ConstantInsert bool
	Returning      bool
	// Inserted are the columns that an INSERT names, Width is the number of values in its first row, and Defaults
	// is set where it writes DEFAULT somewhere.
	Inserted []string
	Width    int
	Defaults bool
	// Computes is set where an operator, a cast or an expression that combines others occurs; functions are in Functions.
	Computes bool
	Lookup   *Lookup // nil: the statement is no query that only picks and converts rows of one relation
}

var errNotParsed = errors.New("statement cannot be parsed")

// Relations tells what one statement that PostgreSQL can parse touches.
func Relations(statement string) (Usage, error) {
	node, err := parseOne(statement)
	if err != nil {
		return Usage{}, err
	}
	w := usageWalk{withs: map[string]bool{}}
	w.names(node.ProtoReflect())
	w.walk(node.ProtoReflect())
	if insert := node.GetInsertStmt(); insert != nil {
		w.usage.Target = relation(insert.Relation)
		s := insert.SelectStmt.GetSelectStmt()
		w.usage.ConstantInsert = insert.WithClause == nil && (insert.SelectStmt == nil || s != nil && len(s.ValuesLists) > 0) && len(w.usage.Relations) == 1
		w.usage.Returning = len(insert.ReturningList) > 0
		for _, column := range insert.Cols {
			w.usage.Inserted = append(w.usage.Inserted, column.GetResTarget().GetName())
		}
		if s != nil && len(s.ValuesLists) > 0 {
			w.usage.Width = len(s.ValuesLists[0].GetList().GetItems())
		}
	}
	w.usage.Lookup = lookup(node.GetSelectStmt())
	if update := node.GetUpdateStmt(); update != nil {
		w.usage.Target = relation(update.Relation)
	}
	if del := node.GetDeleteStmt(); del != nil {
		w.usage.Target = relation(del.Relation)
	}
	return w.usage, nil
}

func relation(r *pg_query.RangeVar) *Relation {
	if r == nil {
		return nil
	}
	return &Relation{r.Schemaname, r.Relname}
}

// parseOne parses a text that holds one statement. Texts that would take the parser
// too deep are refused before.
func parseOne(statement string) (*pg_query.Node, error) {
	tokens, err := Tokens(statement)
	if err != nil {
		return nil, err
	}
	depth, deepest := 0, 0
	for _, t := range tokens {
		switch {
		case t.Kind == Op && (t.Text == "(" || t.Text == "["):
			depth++
			deepest = max(deepest, depth)
		case t.Kind == Op && (t.Text == ")" || t.Text == "]"):
			depth--
		}
	}
	if deepest > maxDepth || len(tokens) > 1<<18 {
		return nil, fmt.Errorf("%w: nested too deep or too long", errNotParsed)
	}
	result, err := pg_query.Parse(statement)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNotParsed, refusal(statement, err))
	}
	if len(result.Stmts) != 1 {
		return nil, fmt.Errorf("%w: %d statements", errNotParsed, len(result.Stmts))
	}
	return result.Stmts[0].Stmt, nil
}

// refusal is what PostgreSQL's parser has to say.
func refusal(statement string, err error) error {
	var refused *pg_parser.Error
	if !errors.As(err, &refused) {
		return err
	}
	return &SyntaxError{Offset: pgtext.ByteOffset(statement, refused.Cursorpos), Message: refused.Message}
}

// usageWalk goes over a whole tree, whatever its nodes are.
type usageWalk struct {
	withs map[string]bool
	usage Usage
}

// names collects the names of WITH queries.
func (w *usageWalk) names(m protoreflect.Message) {
	if cte, ok := m.Interface().(*pg_query.CommonTableExpr); ok {
		w.withs[cte.Ctename] = true
	}
	each(m, w.names)
}

func (w *usageWalk) walk(m protoreflect.Message) {
	switch n := m.Interface().(type) {
	case *pg_query.RangeVar:
		if n.Schemaname != "" || !w.withs[n.Relname] {
			w.usage.Relations = append(w.usage.Relations, *relation(n))
		}
	case *pg_query.FuncCall:
		if len(n.Funcname) > 0 {
			w.usage.Functions = append(w.usage.Functions, n.Funcname[len(n.Funcname)-1].GetString_().GetSval())
		}
	case *pg_query.SetToDefault:
		w.usage.Defaults = true
	case *pg_query.TypeCast:
		w.usage.Computes = w.usage.Computes || !isPlainText(n)
	case *pg_query.A_Expr, *pg_query.BoolExpr, *pg_query.A_ArrayExpr, *pg_query.NullTest, *pg_query.BooleanTest,
		*pg_query.CoalesceExpr, *pg_query.MinMaxExpr, *pg_query.RowExpr:
		w.usage.Computes = true
	case *pg_query.SQLValueFunction:
		w.usage.Functions = append(w.usage.Functions, valueFunctions[n.Op])
	}
	each(m, w.walk)
}

// valueFunctions are the functions that are written without parentheses.
var valueFunctions = map[pg_query.SQLValueFunctionOp]string{
	pg_query.SQLValueFunctionOp_SVFOP_CURRENT_DATE: "current_date", pg_query.SQLValueFunctionOp_SVFOP_CURRENT_TIME: "current_time",
	pg_query.SQLValueFunctionOp_SVFOP_CURRENT_TIME_N: "current_time", pg_query.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP: "current_timestamp",
	pg_query.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP_N: "current_timestamp", pg_query.SQLValueFunctionOp_SVFOP_LOCALTIME: "localtime",
	pg_query.SQLValueFunctionOp_SVFOP_LOCALTIME_N: "localtime", pg_query.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP: "localtimestamp",
	pg_query.SQLValueFunctionOp_SVFOP_LOCALTIMESTAMP_N: "localtimestamp", pg_query.SQLValueFunctionOp_SVFOP_CURRENT_ROLE: "current_role",
	pg_query.SQLValueFunctionOp_SVFOP_CURRENT_USER: "current_user", pg_query.SQLValueFunctionOp_SVFOP_USER: "user",
	pg_query.SQLValueFunctionOp_SVFOP_SESSION_USER: "session_user", pg_query.SQLValueFunctionOp_SVFOP_CURRENT_CATALOG: "current_catalog",
	pg_query.SQLValueFunctionOp_SVFOP_CURRENT_SCHEMA: "current_schema",
}

// isPlainText tells whether a cast is that of a string constant to text, which computes nothing.
func isPlainText(cast *pg_query.TypeCast) bool {
	names := cast.TypeName.GetNames()
	return cast.Arg.GetAConst().GetSval() != nil && len(names) > 0 && names[len(names)-1].GetString_().GetSval() == "text"
}

// each calls f for every message that m holds, in the order of the fields.
func each(m protoreflect.Message, f func(protoreflect.Message)) {
	fields := m.Descriptor().Fields()
	// A Node is one of some 250 kinds. Asking each whether it is that one took 70% of the time of the whole walk.
	if kinds := m.Descriptor().Oneofs(); kinds.Len() == 1 && kinds.Get(0).Fields().Len() == fields.Len() {
		if fd := m.WhichOneof(kinds.Get(0)); fd != nil && fd.Message() != nil {
			f(m.Get(fd).Message())
		}
		return
	}
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Message() == nil || fd.IsMap() || !m.Has(fd) {
			continue
		}
		if !fd.IsList() {
			f(m.Get(fd).Message())
			continue
		}
		list := m.Get(fd).List()
		for j := range list.Len() {
			f(list.Get(j).Message())
		}
	}
}
