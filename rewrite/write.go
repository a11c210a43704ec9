package rewrite

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// The columns of mz_cluster_strategies, in the table's order.
const (
	ColumnCluster = "cluster_id"
	ColumnType    = "strategy_type"
	ColumnConfig  = "config"
	ColumnUpdated = "updated_at"
)

var columns = []string{ColumnCluster, ColumnType, ColumnConfig, ColumnUpdated}

// Operation is what a write does.
type Operation string

// The operations.
const (
	Insert Operation = "INSERT"
	Update Operation = "UPDATE"
	Delete Operation = "DELETE"
	Copy   Operation = "COPY"
)

// Write is a statement that writes to mz_cluster_strategies, as far as its
// text tells.
type Write struct {
	Op Operation
	// Opaque is set where the text does not tell what is written or which rows are meant: COPY, INSERT from a query over
	// tables, a WHERE beyond simple comparisons, or what could not be parsed. It is judged after the commit.
	Opaque bool
	Rows   []Row        // INSERT
	Set    []Assignment // UPDATE
	Where  []Condition  // UPDATE, DELETE: joined by AND
	// setAt is where an assignment can be put in: behind SET.
	setAt int
}

// Row is a row of an INSERT: a value for each column. Columns that are not
// named have Kind Default.
type Row map[string]Value

// Assignment is SET column = value.
type Assignment struct {
	Column string
	Value  Value
}

// Condition compares a column with constants: = or IN (Negated: <> or NOT IN).
type Condition struct {
	Column  string
	Negated bool
	Values  []Value
}

// Clusters lists every value that stands where a cluster id belongs.
func (w *Write) Clusters() []Value {
	var list []Value
	for _, row := range w.Rows {
		list = append(list, row[ColumnCluster])
	}
	for _, set := range w.Set {
		if set.Column == ColumnCluster {
			list = append(list, set.Value)
		}
	}
	for _, c := range w.Where {
		if c.Column == ColumnCluster {
			list = append(list, c.Values...)
		}
	}
	return list
}

// Sets returns the value that an UPDATE assigns to a column.
func (w *Write) Sets(column string) (Value, bool) {
	i := slices.IndexFunc(w.Set, func(a Assignment) bool { return a.Column == column })
	if i < 0 {
		return Value{}, false
	}
	return w.Set[i].Value, true
}

// Touch is the edit that makes an UPDATE of config also set updated_at, so
// that the row it changes is the newest of its type. ok is false where nothing is to be done.
func (w *Write) Touch() (Edit, bool) {
	_, config := w.Sets(ColumnConfig)
	_, updated := w.Sets(ColumnUpdated)
	if w.Op != Update || !config || updated || w.setAt == 0 {
		return Edit{}, false
	}
	return Edit{Span{w.setAt, w.setAt}, " " + ColumnUpdated + " = now(),"}, true
}

// parseWrite returns the write to our table that a statement is, or nil.
func parseWrite(text string, piece Piece, env Env) *Write {
	if !slices.ContainsFunc(piece.Tokens, func(t Token) bool {
		name, ok := t.Name()
		return ok && name == Table
	}) {
		return nil
	}
	node, err := parseOne(piece.Of(text))
	if err != nil {
		return unparsed(piece)
	}
	if p := node.GetPrepareStmt(); p != nil {
		node = p.Query
	}
	r := writeReader{values{text, piece}, env}
	switch n := node.GetNode().(type) {
	case *pg_query.Node_InsertStmt:
		return r.insert(n.InsertStmt)
	case *pg_query.Node_UpdateStmt:
		return r.update(n.UpdateStmt)
	case *pg_query.Node_DeleteStmt:
		return r.delete(n.DeleteStmt)
	case *pg_query.Node_CopyStmt:
		if n.CopyStmt.IsFrom && r.ours(n.CopyStmt.Relation) {
			return &Write{Op: Copy, Opaque: true}
		}
	}
	return nil
}

// unparsed is a write that PostgreSQL's parser refuses although the server may
// take it: nothing is known but the kind.
func unparsed(piece Piece) *Write {
	for i, t := range piece.Tokens {
		var op Operation
		switch {
		case t.Is("insert"):
			op = Insert
		case t.Is("update"):
			op = Update
		case t.Is("delete"):
			op = Delete
		case t.Is("copy") && i == 0:
			op = Copy
		default:
			continue
		}
		return &Write{Op: op, Opaque: true}
	}
	return nil
}

type writeReader struct {
	values
	env Env
}

// ours tells whether a name means our table.
func (r writeReader) ours(v *pg_query.RangeVar) bool {
	switch {
	case v == nil || v.Relname != Table:
		return false
	case v.Catalogname != "" && r.env.Database != "" && v.Catalogname != r.env.Database:
		return false
	case v.Schemaname != "":
		return v.Schemaname == r.env.Schema
	}
	return r.env.inPath()
}

func (r writeReader) insert(s *pg_query.InsertStmt) *Write {
	if !r.ours(s.Relation) {
		return nil
	}
	w := &Write{Op: Insert}
	var names []string
	for _, col := range s.Cols {
		names = append(names, col.GetResTarget().GetName())
	}
	if names == nil {
		names = columns
	}
	if s.SelectStmt == nil { // DEFAULT VALUES
		w.Rows = []Row{r.row(names, nil)}
		return w
	}
	lists, known := r.constantRows(s.SelectStmt.GetSelectStmt())
	w.Opaque = !known || s.WithClause != nil || s.OnConflictClause != nil
	for _, list := range lists {
		w.Rows = append(w.Rows, r.row(names, list))
	}
	return w
}

func (r writeReader) row(names []string, list []Value) Row {
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

// constantRows returns the rows of VALUES, of SELECT without FROM, and of
// UNION ALL of these.
func (r writeReader) constantRows(s *pg_query.SelectStmt) (rows [][]Value, known bool) {
	switch {
	case s == nil:
		return nil, false
	case s.WithClause != nil || s.LimitCount != nil || s.LimitOffset != nil || s.WhereClause != nil || len(s.DistinctClause) > 0 || len(s.FromClause) > 0 || len(s.GroupClause) > 0 || s.HavingClause != nil:
		return nil, false
	case len(s.ValuesLists) > 0:
		for _, list := range s.ValuesLists {
			rows = append(rows, r.list(list.GetList().GetItems()))
		}
		return rows, true
	case s.Op == pg_query.SetOperation_SETOP_UNION && s.All:
		left, lok := r.constantRows(s.Larg)
		right, rok := r.constantRows(s.Rarg)
		return append(left, right...), lok && rok
	case s.Op != pg_query.SetOperation_SETOP_NONE:
		return nil, false
	}
	var row []Value
	for _, target := range s.TargetList {
		row = append(row, r.of(target.GetResTarget().GetVal()))
	}
	return [][]Value{row}, true
}

func (r writeReader) update(s *pg_query.UpdateStmt) *Write {
	if !r.ours(s.Relation) {
		return nil
	}
	w := &Write{Op: Update}
	for _, target := range s.TargetList {
		t := target.GetResTarget()
		value := Value{}
		if t.GetVal().GetMultiAssignRef() == nil {
			value = r.of(t.GetVal())
		}
		w.Set = append(w.Set, Assignment{t.GetName(), value})
	}
	depth := 0
	for _, t := range r.piece.Tokens {
		switch {
		case t.Kind == Op && t.Text == "(":
			depth++
		case t.Kind == Op && t.Text == ")":
			depth--
		case t.Is("set") && depth == 0 && w.setAt == 0:
			w.setAt = t.End
		}
	}
	exact := r.where(w, s.WhereClause)
	w.Opaque = !exact || len(s.FromClause) > 0 || s.WithClause != nil
	return w
}

func (r writeReader) delete(s *pg_query.DeleteStmt) *Write {
	if !r.ours(s.Relation) {
		return nil
	}
	w := &Write{Op: Delete}
	exact := r.where(w, s.WhereClause)
	w.Opaque = !exact || len(s.UsingClause) > 0 || s.WithClause != nil
	return w
}

// where collects simple conditions. It reports whether they say everything.
func (r writeReader) where(w *Write, node *pg_query.Node) (exact bool) {
	if node == nil {
		return true
	}
	if b := node.GetBoolExpr(); b != nil {
		exact = b.Boolop == pg_query.BoolExprType_AND_EXPR
		for _, arg := range b.Args {
			if b.Boolop == pg_query.BoolExprType_AND_EXPR {
				exact = r.where(w, arg) && exact
				continue
			}
			// Names of clusters are resolved under OR and NOT, too.
			var inner Write
			r.where(&inner, arg)
			for _, c := range inner.Where {
				c.Negated = true
				w.Where = append(w.Where, c)
			}
		}
		return exact
	}
	e := node.GetAExpr()
	if e == nil || e.Kind != pg_query.A_Expr_Kind_AEXPR_OP && e.Kind != pg_query.A_Expr_Kind_AEXPR_IN || len(e.Name) != 1 {
		return false
	}
	op := e.Name[0].GetString_().GetSval()
	left, right := e.Lexpr, e.Rexpr
	if left.GetColumnRef() == nil {
		left, right = right, left
	}
	column, ok := columnName(left)
	if !ok || op != "=" && op != "<>" {
		return false
	}
	c := Condition{Column: column, Negated: op == "<>"}
	if e.Kind == pg_query.A_Expr_Kind_AEXPR_IN {
		c.Values = r.list(right.GetList().GetItems())
	} else {
		c.Values = []Value{r.of(right)}
	}
	w.Where = append(w.Where, c)
	return !slices.ContainsFunc(c.Values, func(v Value) bool { return v.Kind == Expr })
}

func columnName(node *pg_query.Node) (string, bool) {
	fields := node.GetColumnRef().GetFields()
	if len(fields) == 0 {
		return "", false
	}
	name := fields[len(fields)-1].GetString_()
	return name.GetSval(), name != nil
}
