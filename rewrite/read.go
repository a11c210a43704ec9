package rewrite

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Read is a statement that reads mz_cluster_strategies, as far as it names clusters.
type Read struct {
	// Clusters are the constants and parameters that cluster_id is compared with.
	Clusters []Value
	// Unclear is set where cluster_id is compared in another way, and a constant may name a cluster.
	Unclear bool
	params  map[int]int
}

// Elsewhere tells whether a parameter is also used where no cluster id belongs.
func (r *Read) Elsewhere(param int) bool {
	n := r.params[param]
	for _, v := range r.Clusters {
		if v.Kind == Bound && v.N == param {
			n--
		}
	}
	return n > 0
}

// parseRead returns what a query, or COPY of one, says of clusters; nil: nothing.
func parseRead(text string, piece Piece, env Env) *Read {
	if !piece.Tokens[0].Is("select", "with", "copy", "declare", "values", "table") || !mentions(piece, Table) || !mentions(piece, ColumnCluster) {
		return nil
	}
	node, err := parseOne(piece.Of(text))
	if err != nil {
		return nil
	}
	r := readReader{values: values{text, piece, env}, read: &Read{params: map[int]int{}}}
	r.walk(node.ProtoReflect(), nil)
	if len(r.read.Clusters) == 0 && !r.read.Unclear {
		return nil
	}
	for _, t := range piece.Tokens {
		if n, ok := t.param(); ok {
			r.read.params[n]++
		}
	}
	return r.read
}

// A scope is the FROM of a query, seen from its conditions: names that mean our table, and whether there is
// anything else.
type scope struct {
	outer  *scope
	tables []*pg_query.RangeVar // ours
	others bool
}

type readReader struct {
	values
	read *Read
}

// walk looks for comparisons, each in the scope of the query that it is in.
func (r readReader) walk(m protoreflect.Message, s *scope) {
	switch n := m.Interface().(type) {
	case *pg_query.SelectStmt:
		s = r.enter(n, s)
	case *pg_query.A_Expr:
		r.compare(n, s)
	}
	each(m, func(child protoreflect.Message) { r.walk(child, s) })
}

func (r readReader) enter(q *pg_query.SelectStmt, outer *scope) *scope {
	s := &scope{outer: outer}
	for _, item := range q.FromClause {
		r.from(item, s)
	}
	return s
}

func (r readReader) from(item *pg_query.Node, s *scope) {
	switch n := item.GetNode().(type) {
	case *pg_query.Node_RangeVar:
		if r.env.ours(n.RangeVar) && !r.env.Unsure {
			s.tables = append(s.tables, n.RangeVar)
			return
		}
	case *pg_query.Node_JoinExpr:
		r.from(n.JoinExpr.Larg, s)
		r.from(n.JoinExpr.Rarg, s)
		return
	}
	s.others = true
}

// isCluster tells whether a node is the column cluster_id of our table, with certainty.
func (s *scope) isCluster(node *pg_query.Node) bool {
	fields := uncast(node).GetColumnRef().GetFields()
	if len(fields) == 0 {
		return false
	}
	for ; s != nil; s = s.outer {
		for _, table := range s.tables {
			if name, ok := columnOf(table, uncast(node)); ok && name == ColumnCluster && (len(fields) > 1 || !s.others) {
				return true
			}
		}
		if len(fields) == 1 && (s.others || len(s.tables) > 0) {
			return false // an inner query's, perhaps
		}
	}
	return false
}

// compare notes what cluster_id is compared with.
func (r readReader) compare(e *pg_query.A_Expr, s *scope) {
	left, right := e.Lexpr, e.Rexpr
	if s == nil {
		return
	}
	if !s.isCluster(left) {
		left, right = right, left
	}
	if !s.isCluster(left) {
		return
	}
	op := ""
	if len(e.Name) > 0 {
		op = e.Name[len(e.Name)-1].GetString_().GetSval()
	}
	list := []*pg_query.Node{right}
	switch e.Kind {
	case pg_query.A_Expr_Kind_AEXPR_OP, pg_query.A_Expr_Kind_AEXPR_DISTINCT, pg_query.A_Expr_Kind_AEXPR_NOT_DISTINCT:
	case pg_query.A_Expr_Kind_AEXPR_IN:
		list = right.GetList().GetItems()
	case pg_query.A_Expr_Kind_AEXPR_OP_ANY, pg_query.A_Expr_Kind_AEXPR_OP_ALL:
		if list = right.GetAArrayExpr().GetElements(); list == nil {
			op = ""
		}
	default:
		op = ""
	}
	if op != "=" && op != "<>" {
		r.read.Unclear = true
		return
	}
	for _, item := range list {
		if v := r.of(item); v.Kind == Literal || v.Kind == Bound {
			r.read.Clusters = append(r.read.Clusters, v)
		}
	}
}
