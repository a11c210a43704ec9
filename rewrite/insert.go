package rewrite

import (
	"fmt"
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

func (r writeReader) insert(s *pg_query.InsertStmt) *Write {
	if !r.env.ours(s.Relation) {
		return nil
	}
	w := &Write{Op: Insert}
	names := columns
	if len(s.Cols) > 0 {
		names = r.columnNames(w, s.Cols)
	}
	if s.SelectStmt == nil { // DEFAULT VALUES
		w.Rows = []Row{row(names, nil)}
		return w
	}
	if c := s.OnConflictClause; c != nil && c.Action != pg_query.OnConflictAction_ONCONFLICT_NOTHING {
		w.Opaque = true // changes rows that it does not name
		return w
	}
	lists, known := r.rows(s.SelectStmt.GetSelectStmt())
	w.Opaque = !known || s.WithClause != nil
	for _, list := range lists {
		if len(list) > len(names) && w.Unfit == nil {
			at := list[len(names)]
			w.Unfit = &SyntaxError{Offset: max(at.Start, r.piece.Start), Message: "INSERT has more expressions than target columns"}
		}
		if len(list) < len(s.Cols) && w.Unfit == nil {
			w.Unfit = &SyntaxError{Offset: r.offset(s.Cols[len(list)].GetResTarget().GetLocation()), Message: "INSERT has more target columns than expressions"}
		}
		w.Rows = append(w.Rows, row(names, list))
	}
	return w
}

// columnNames reads the column list of an INSERT.
func (r writeReader) columnNames(w *Write, cols []*pg_query.Node) []string {
	var names []string
	for _, col := range cols {
		t := col.GetResTarget()
		name := t.GetName()
		if len(t.GetIndirection()) > 0 {
			name += "[]" // a part of the column: no column that we know
		}
		r.known(w, t)
		if slices.Contains(names, name) && w.Unfit == nil {
			w.Unfit = &SyntaxError{Offset: r.offset(t.GetLocation()), Message: fmt.Sprintf("column %q specified more than once", name)}
		}
		names = append(names, name)
	}
	return names
}

// known notes a column that the table does not have.
func (r writeReader) known(w *Write, t *pg_query.ResTarget) {
	if w.Unfit == nil && !slices.Contains(columns, t.GetName()) {
		w.Unfit = &ColumnError{r.offset(t.GetLocation()), t.GetName(), columns}
	}
}

func row(names []string, list []Value) Row {
	row := Row{}
	for _, c := range columns {
		row[c] = Value{Kind: Default}
	}
	for i, v := range list {
		if i < len(names) {
			row[names[i]] = v
		}
	}
	return row
}

// rows returns the rows of VALUES, of SELECT over nothing or over VALUES, and of UNION of these.
// Where known is false, they are what the query's rows look like, if there are any.
func (r writeReader) rows(s *pg_query.SelectStmt) (rows [][]Value, known bool) {
	if s == nil {
		return nil, false
	}
	known = s.WithClause == nil && s.LimitCount == nil && s.LimitOffset == nil && s.WhereClause == nil &&
		len(s.DistinctClause) == 0 && len(s.GroupClause) == 0 && s.HavingClause == nil
	switch {
	case len(s.ValuesLists) > 0:
		for _, list := range s.ValuesLists {
			rows = append(rows, r.list(list.GetList().GetItems()))
		}
		return rows, known
	case s.Op == pg_query.SetOperation_SETOP_UNION:
		left, ok := r.rows(s.Larg)
		right, also := r.rows(s.Rarg)
		if len(left) == 0 || len(right) == 0 {
			return nil, false
		}
		return append(left, right...), known && s.All && ok && also
	case s.Op != pg_query.SetOperation_SETOP_NONE:
		return nil, false
	case len(s.FromClause) == 0:
		row, ok := r.targets(s, source{})
		if !ok {
			return nil, false
		}
		return [][]Value{row}, known
	}
	return r.rowsFrom(s, known)
}

// source is what a row of a query is made of: the row of a subquery in FROM.
type source struct {
	alias string
	names []string
	row   []Value
}

// rowsFrom reads a SELECT with a FROM. Over VALUES all is known, otherwise only the constants.
func (r writeReader) rowsFrom(s *pg_query.SelectStmt, known bool) ([][]Value, bool) {
	sub := s.FromClause[0].GetRangeSubselect()
	values := sub.GetSubquery().GetSelectStmt()
	if len(s.FromClause) > 1 || len(values.GetValuesLists()) == 0 {
		row, ok := r.targets(s, source{})
		if !ok {
			return nil, false
		}
		return [][]Value{row}, false
	}
	inner, all := r.rows(values)
	var rows [][]Value
	for _, row := range inner {
		from := source{alias: sub.GetAlias().GetAliasname(), row: row}
		for i := range row {
			from.names = append(from.names, fmt.Sprintf("column%d", i+1))
		}
		for i, name := range sub.GetAlias().GetColnames() {
			if i < len(from.names) {
				from.names[i] = name.GetString_().GetSval()
			}
		}
		outer, ok := r.targets(s, from)
		if !ok {
			return nil, false
		}
		rows = append(rows, outer)
	}
	return rows, known && all
}

// targets returns the values of a SELECT's list; ok is false where * hides what they are.
func (r writeReader) targets(s *pg_query.SelectStmt, from source) (row []Value, ok bool) {
	for _, target := range s.TargetList {
		value := target.GetResTarget().GetVal()
		fields := uncast(value).GetColumnRef().GetFields()
		switch {
		case len(fields) == 0:
			row = append(row, r.of(value))
		case fields[len(fields)-1].GetAStar() != nil:
			if from.row == nil {
				return nil, false
			}
			row = append(row, from.row...)
		default:
			row = append(row, from.value(fields))
		}
	}
	return row, true
}

// value is what a column of the source holds.
func (s source) value(fields []*pg_query.Node) Value {
	name := fields[len(fields)-1].GetString_().GetSval()
	if i := slices.Index(s.names, name); i >= 0 && len(fields) <= 2 && (len(fields) == 1 || fields[0].GetString_().GetSval() == s.alias) {
		return s.row[i]
	}
	return Value{}
}
