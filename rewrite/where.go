package rewrite

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// where collects simple conditions on the columns of a table. It reports whether they say everything.
func (r writeReader) where(w *Write, table *pg_query.RangeVar, node *pg_query.Node) (exact bool) {
	if node == nil {
		return true
	}
	if b := node.GetBoolExpr(); b != nil {
		exact = b.Boolop == pg_query.BoolExprType_AND_EXPR
		for _, arg := range b.Args {
			if b.Boolop == pg_query.BoolExprType_AND_EXPR {
				exact = r.where(w, table, arg) && exact
				continue
			}
			// Names of clusters are resolved under OR and NOT, too.
			var inner Write
			r.where(&inner, table, arg)
			for _, c := range inner.Where {
				c.Negated = true
				w.Where = append(w.Where, c)
			}
		}
		return exact
	}
	e := node.GetAExpr()
	if e == nil || len(e.Name) != 1 {
		return false
	}
	op := e.Name[0].GetString_().GetSval()
	if op != "=" && op != "<>" {
		for _, side := range []*pg_query.Node{e.Lexpr, e.Rexpr} {
			if column, ok := columnOf(table, uncast(side)); ok && column == ColumnCluster {
				w.Unclear = true
			}
		}
		return false
	}
	switch e.Kind {
	case pg_query.A_Expr_Kind_AEXPR_OP:
		return r.compare(w, table, e, op == "<>")
	case pg_query.A_Expr_Kind_AEXPR_DISTINCT, pg_query.A_Expr_Kind_AEXPR_NOT_DISTINCT:
		return r.compare(w, table, e, e.Kind == pg_query.A_Expr_Kind_AEXPR_DISTINCT)
	case pg_query.A_Expr_Kind_AEXPR_OP_ALL:
		if array := e.Rexpr.GetAArrayExpr(); op == "<>" && array != nil {
			return r.in(w, table, e.Lexpr, array.Elements, true)
		}
	case pg_query.A_Expr_Kind_AEXPR_IN:
		return r.in(w, table, e.Lexpr, e.Rexpr.GetList().GetItems(), op == "<>")
	case pg_query.A_Expr_Kind_AEXPR_OP_ANY:
		array := e.Rexpr.GetAArrayExpr()
		if op == "=" && array != nil {
			return r.in(w, table, e.Lexpr, array.Elements, false)
		}
	}
	return false
}

// compare reads column = value, value = column, and (column, ...) = (value, ...).
func (r writeReader) compare(w *Write, table *pg_query.RangeVar, e *pg_query.A_Expr, negated bool) (exact bool) {
	left, right := e.Lexpr, e.Rexpr
	if names, list := left.GetRowExpr(), right.GetRowExpr(); names != nil && list != nil && len(names.Args) == len(list.Args) {
		return r.tuple(w, table, names.Args, list.Args, negated) && !negated
	}
	if left.GetColumnRef() == nil {
		left, right = right, left
	}
	return r.in(w, table, left, []*pg_query.Node{right}, negated)
}

// tuple compares column by column.
func (r writeReader) tuple(w *Write, table *pg_query.RangeVar, names, list []*pg_query.Node, negated bool) (exact bool) {
	exact = true
	for i := range names {
		exact = r.in(w, table, names[i], list[i:i+1], negated) && exact
	}
	return exact
}

// in reads column IN (value, ...). Of (column, ...) IN ((value, ...), ...) only the values are of use.
func (r writeReader) in(w *Write, table *pg_query.RangeVar, left *pg_query.Node, list []*pg_query.Node, negated bool) (exact bool) {
	if names := left.GetRowExpr(); names != nil {
		for _, item := range list {
			if args := item.GetRowExpr().GetArgs(); len(args) == len(names.Args) {
				r.tuple(w, table, names.Args, args, true)
			}
		}
		return false
	}
	column, ok := columnOf(table, left)
	if !ok {
		return false
	}
	c := Condition{column, negated, r.list(list)}
	w.Where = append(w.Where, c)
	return !slices.ContainsFunc(c.Values, func(v Value) bool { return v.Kind == Expr || v.Kind == Now })
}

// columnOf returns the name of a column of the table.
func columnOf(table *pg_query.RangeVar, node *pg_query.Node) (string, bool) {
	fields := node.GetColumnRef().GetFields()
	if len(fields) == 0 {
		return "", false
	}
	qualifier := []string{table.GetCatalogname(), table.GetSchemaname(), table.GetRelname()}
	if alias := table.GetAlias().GetAliasname(); alias != "" {
		qualifier = []string{alias}
	}
	last := len(fields) - 1
	for i := range last {
		q := len(qualifier) - last + i
		if q < 0 || qualifier[q] != "" && fields[i].GetString_().GetSval() != qualifier[q] {
			return "", false // another table's
		}
	}
	name := fields[last].GetString_()
	return name.GetSval(), name != nil
}
