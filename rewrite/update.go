package rewrite

import (
	pg_query "github.com/pganalyze/pg_query_go/v5"
)

func (r writeReader) update(s *pg_query.UpdateStmt) *Write {
	if !r.env.ours(s.Relation) {
		return nil
	}
	w := &Write{Op: Update}
	for _, target := range s.TargetList {
		t := target.GetResTarget()
		r.known(w, t)
		value := r.assigned(t.GetVal())
		if len(t.GetIndirection()) > 0 { // a part of the column
			value = Value{}
		}
		w.Set = append(w.Set, Assignment{t.GetName(), value})
	}
	if len(s.TargetList) > 0 {
		w.setAt = r.behindSet(s.TargetList[0].GetResTarget())
	}
	exact := r.where(w, s.Relation, s.WhereClause)
	w.Opaque = !exact || len(s.FromClause) > 0 || s.WithClause != nil
	w.filter = r.filterOf(len(s.FromClause) > 0, s.Relation.Relname, s.Relation.GetAlias().GetAliasname())
	return w
}

// assigned is the value of one column, also in SET (a, b) = (1, 2).
func (r writeReader) assigned(node *pg_query.Node) Value {
	multi := node.GetMultiAssignRef()
	if multi == nil {
		return r.of(node)
	}
	args := multi.Source.GetRowExpr().GetArgs()
	if i := int(multi.Colno) - 1; i >= 0 && i < len(args) {
		return r.of(args[i])
	}
	return Value{}
}

// behindSet is the place behind the SET in front of the first assignment.
func (r writeReader) behindSet(t *pg_query.ResTarget) int {
	i, ok := r.tokenIndex(t.GetLocation())
	for ok && i > 0 && r.piece.Tokens[i-1].isOp("(") { // SET (a, b) =
		i--
	}
	if !ok || i == 0 || !r.piece.Tokens[i-1].Is("set") {
		return 0
	}
	return r.piece.Tokens[i-1].End
}

func (r writeReader) delete(s *pg_query.DeleteStmt) *Write {
	if !r.env.ours(s.Relation) {
		return nil
	}
	w := &Write{Op: Delete}
	exact := r.where(w, s.Relation, s.WhereClause)
	w.Opaque = !exact || len(s.UsingClause) > 0 || s.WithClause != nil
	w.filter = r.filterOf(len(s.UsingClause) > 0, s.Relation.Relname, s.Relation.GetAlias().GetAliasname())
	return w
}
