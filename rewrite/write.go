package rewrite

import (
	"slices"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"mzproxy/rewrite/pgtext"
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
	Insert   Operation = "INSERT"
	Update   Operation = "UPDATE"
	Delete   Operation = "DELETE"
	Copy     Operation = "COPY"
	Merge    Operation = "MERGE"
	Truncate Operation = "TRUNCATE"
)

// Write is a statement that writes to mz_cluster_strategies, as far as its
// text tells.
type Write struct {
	Op Operation
	// Opaque is set where the text does not tell all that is written or which rows are meant: COPY, INSERT
	// from a query over tables, a WHERE beyond simple comparisons, a write inside WITH, or what could not be
	// parsed. It is judged after the commit.
	Opaque bool
	// Doubtful is set where the name may mean another table than ours when the statement runs. All
	// else about it is left open: it is Opaque, too.
	Doubtful bool
	// Rows are those of an INSERT. Of an opaque one from a query they are what every row of the query
	// looks like, as far as it is known; none: nothing is known.
	Rows  []Row
	Set   []Assignment // UPDATE
	Where []Condition  // UPDATE, DELETE: joined by AND
	// Unclear is set where the WHERE compares cluster_id in a way that is not understood.
	Unclear bool
	// Unfit is what is wrong with the statement by itself, which the server will say: a
	// *SyntaxError or a *ColumnError. nil: nothing is known.
	Unfit error
	// params counts how often each parameter is used.
	params map[int]int
	filter filter
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

// Condition compares a column with constants: = or IN (Negated: <> or NOT IN,
// or part of a condition under OR or NOT).
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

// Parameters tells for each parameter, from 1, which column it is stored in or compared with; empty: none.
func (w *Write) Parameters() []string {
	last := 0
	for n := range w.params {
		last = max(last, n)
	}
	columns := make([]string, last)
	note := func(column string, v Value) {
		if v.Kind == Bound && v.N >= 1 && v.N <= last && columns[v.N-1] == "" {
			columns[v.N-1] = column
		}
	}
	for _, row := range w.Rows {
		for column, v := range row {
			note(column, v)
		}
	}
	for _, set := range w.Set {
		note(set.Column, set.Value)
	}
	for _, c := range w.Where {
		for _, v := range c.Values {
			note(c.Column, v)
		}
	}
	return columns
}

// Elsewhere tells whether a parameter is also used where no cluster id belongs.
func (w *Write) Elsewhere(param int) bool {
	n := w.params[param]
	for _, v := range w.Clusters() {
		if v.Kind == Bound && v.N == param {
			n--
		}
	}
	return n > 0
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
func (w *Write) Touch() (pgtext.Edit, bool) {
	_, config := w.Sets(ColumnConfig)
	_, updated := w.Sets(ColumnUpdated)
	if w.Op != Update || !config || updated || w.setAt == 0 {
		return pgtext.Edit{}, false
	}
	return pgtext.Edit{Span: pgtext.Span{Start: w.setAt, End: w.setAt}, Text: " " + ColumnUpdated + " = now(),"}, true
}

// parseWrite returns the write to our table that a statement is, or nil. elsewhere is set where it writes to a table of the
// same name, and what the name means can change.
func parseWrite(text string, piece Piece, env Env) (w *Write, elsewhere bool, err error) {
	if !mentions(piece, Table) {
		return nil, false, nil
	}
	node, parseErr := parseOne(piece.Of(text))
	reading := func(env Env) (*Write, error) {
		if parseErr != nil {
			return unparsed(piece, env)
		}
		return parseWriteIn(text, piece, env, node), nil
	}
	if w, err = reading(env); err != nil {
		return nil, false, err
	}
	switch {
	case w == nil && !env.Unsure:
		other, _ := reading(env.anywhere())
		return nil, other != nil, nil
	case w != nil && env.Unsure:
		if certain, _ := reading(env.elsewhere()); certain == nil {
			return &Write{Op: w.Op, Opaque: true, Doubtful: true}, false, nil
		}
	}
	return w, false, nil
}

// mentions tells whether a name stands in a statement.
func mentions(piece Piece, word string) bool {
	return slices.ContainsFunc(piece.Tokens, func(t Token) bool {
		name, ok := t.Name()
		return ok && name == word
	})
}

func parseWriteIn(text string, piece Piece, env Env, node *pg_query.Node) *Write {
	if p := node.GetPrepareStmt(); p != nil {
		node = p.Query
	}
	r := writeReader{values{text, piece, env}}
	w := r.write(node)
	if op, nested := r.nested(node); nested {
		return &Write{Op: op, Opaque: true} // whatever is around it
	}
	if w == nil {
		return nil
	}
	w.params = map[int]int{}
	for _, t := range piece.Tokens {
		if n, ok := t.param(); ok {
			w.params[n]++
		}
	}
	return w
}

type writeReader struct{ values }

// write reads a statement that itself is a write to our table; nil: it is not.
func (r writeReader) write(node *pg_query.Node) *Write {
	switch n := node.GetNode().(type) {
	case *pg_query.Node_InsertStmt:
		return r.insert(n.InsertStmt)
	case *pg_query.Node_UpdateStmt:
		return r.update(n.UpdateStmt)
	case *pg_query.Node_DeleteStmt:
		return r.delete(n.DeleteStmt)
	case *pg_query.Node_CopyStmt:
		if n.CopyStmt.IsFrom && r.env.ours(n.CopyStmt.Relation) {
			return &Write{Op: Copy, Opaque: true}
		}
	}
	return nil
}
