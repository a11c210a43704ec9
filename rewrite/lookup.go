package rewrite

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Lookup is what a query asks for that takes the rows of one relation one by one: it joins, counts, groups and
// combines nothing.
type Lookup struct {
	Filtered bool // has a WHERE
	Sorted   bool // has an ORDER BY
	Limit    int  // at most so many rows; -1: all, or a number that is no constant
}

// aggregates are the functions that take many rows.
var aggregates = map[string]bool{
	"count": true, "sum": true, "min": true, "max": true, "avg": true, "string_agg": true, "array_agg": true, "list_agg": true, "map_agg": true,
	"jsonb_agg": true, "jsonb_object_agg": true, "bool_and": true, "bool_or": true, "every": true, "stddev": true, "stddev_pop": true,
	"stddev_samp": true, "variance": true, "var_pop": true, "var_samp": true,
}

// lookup returns what a query looks up, nil if it is more than a lookup.
func lookup(s *pg_query.SelectStmt) *Lookup {
	if s == nil || s.Op != pg_query.SetOperation_SETOP_NONE || s.WithClause != nil || len(s.DistinctClause)+len(s.GroupClause)+len(s.WindowClause) > 0 ||
		s.HavingClause != nil || len(s.FromClause) != 1 || combines(s.ProtoReflect()) {
		return nil
	}
	if s.FromClause[0].GetRangeVar() == nil && lookup(s.FromClause[0].GetRangeSubselect().GetSubquery().GetSelectStmt()) == nil {
		return nil
	}
	l := &Lookup{Filtered: s.WhereClause != nil, Sorted: len(s.SortClause) > 0, Limit: -1}
	if n := s.LimitCount.GetAConst(); n != nil && n.GetIval() != nil && s.LimitOffset == nil {
		l.Limit = int(n.GetIval().Ival)
	}
	return l
}

// combines tells whether an expression of the query needs more than the row that it is about.
func combines(m protoreflect.Message) bool {
	switch n := m.Interface().(type) {
	case *pg_query.SubLink:
		return true
	case *pg_query.FuncCall:
		if n.Over != nil || len(n.Funcname) > 0 && aggregates[n.Funcname[len(n.Funcname)-1].GetString_().GetSval()] {
			return true
		}
	}
	found := false
	each(m, func(inner protoreflect.Message) { found = found || combines(inner) })
	return found
}
