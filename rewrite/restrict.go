package rewrite

import (
	"slices"
	"strings"

	"mzproxy/rewrite/pgtext"
)

// filter is where a condition can be added to an UPDATE or DELETE.
type filter struct {
	where pgtext.Span // of the condition that is there; empty: none, and End is where one belongs
	table string      // qualifies the column, where other tables have one, too
}

// filterOf finds the condition of an UPDATE or DELETE.
func (r writeReader) filterOf(others bool, table, alias string) filter {
	f := filter{where: pgtext.Span{Start: r.piece.End, End: r.piece.End}}
	if others {
		f.table = table
		if alias != "" {
			f.table = alias
		}
	}
	depth, open := 0, false
	for _, t := range r.piece.Tokens {
		switch {
		case t.isOp("("):
			depth++
		case t.isOp(")"):
			depth--
		case depth == 0 && t.Is("where") && !open:
			f.where.Start, open = t.End, true
		case depth == 0 && t.Is("returning"):
			return f
		}
		if f.where.End = t.End; !open {
			f.where.Start = t.End
		}
	}
	return f
}

// Restrict are the edits that make an UPDATE or DELETE leave rows of other clusters alone, whatever becomes of the table before it runs.
func (w *Write) Restrict(ids []string) []pgtext.Edit {
	list := []string{}
	for _, id := range ids {
		list = append(list, pgtext.QuoteLiteral(id))
	}
	column := ColumnCluster
	if w.filter.table != "" {
		column = pgtext.QuoteIdent(w.filter.table) + "." + column
	}
	condition := column + " IN (" + strings.Join(list, ", ") + ")"
	if len(list) == 0 {
		condition = column + " IS NULL" // never
	}
	start, end := w.filter.where.Start, w.filter.where.End
	if start == end {
		return []pgtext.Edit{{Span: pgtext.Span{Start: end, End: end}, Text: " WHERE " + condition}}
	}
	return []pgtext.Edit{{Span: pgtext.Span{Start: start, End: start}, Text: " ("}, {Span: pgtext.Span{Start: end, End: end}, Text: ") AND " + condition}}
}

// Restricts tells whether the WHERE itself says which clusters are meant, and nothing else is.
func (w *Write) Restricts() bool {
	return slices.ContainsFunc(w.Where, func(c Condition) bool { return c.Column == ColumnCluster && !c.Negated })
}
