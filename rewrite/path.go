package rewrite

import "strings"

// names follows what names of tables mean through the statements of one text: each may set the
// search path or the database for those behind it.
type names struct {
	now       Env
	session   Env // when the transaction commits: without what was set LOCAL
	committed Env // when it does not
	changed   bool
	executes  bool // an EXECUTE may change it
}

// begin is the meaning of names at the start of a text.
func begin(env Env) names {
	n := names{env, env, env, false, env.Executes}
	if env.InTransaction { // what it has set before would be undone
		n.session, n.committed = env.unsure(), env.unsure()
	}
	return n
}

// unsure is an Env of which it is not known what names without a schema mean.
func (e Env) unsure() Env {
	e.Unsure = true
	return e
}

// elsewhere is an Env in which names that are not fully qualified mean other tables than ours.
func (e Env) elsewhere() Env {
	e.Unsure, e.SearchPath = false, `""`
	if e.Database == "" {
		e.Database = "\x00" // no database's name
	}
	return e
}

// anywhere is an Env in which names that are not fully qualified may mean our table.
func (e Env) anywhere() Env {
	e.Database = ""
	return e.unsure()
}

// behind follows a statement.
func (n *names) behind(text string, piece Piece, s *Statement) {
	first := piece.Tokens[0]
	second := Token{}
	if len(piece.Tokens) > 1 {
		second = piece.Tokens[1]
	}
	switch {
	case s.Kind == IsEnd && s.Commit:
		n.now, n.committed = n.session, n.session
	case s.Kind == IsEnd:
		n.now, n.session = n.committed, n.committed
	case s.Kind == IsDiscard, s.Kind == IsResetAll, s.Kind == IsExecute && n.executes:
		n.follow(Setting{})
	case first.Is("prepare"):
		n.executes = n.executes || s.Moves
	case first.Is("rollback") && second.Is("to") && n.changed,
		first.Is("do", "call") && strings.Contains(lower(piece.Of(text)), searchPath):
		n.follow(Setting{Name: searchPath})
	default:
		for _, setting := range s.Settings {
			n.follow(setting)
		}
	}
}

// follow follows one setting.
func (n *names) follow(s Setting) {
	env := n.now
	known := s.Value.Kind == Literal
	switch {
	case s.Name == "", s.Name == database && !known:
		env = env.unsure()
		env.Database = ""
	case s.Name == searchPath && !known:
		env = env.unsure()
	case s.Name == searchPath:
		env.SearchPath, env.Unsure = s.Value.Text, false
		if env.SearchPath == "" {
			env.SearchPath = `""`
		}
	case s.Name == database:
		env.Database = s.Value.Text
	default:
		return
	}
	n.set(env, s.Local)
}

func (n *names) set(env Env, local bool) {
	n.now, n.changed = env, true
	if !local {
		n.session = env
	}
}
