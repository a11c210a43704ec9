package rewrite

import (
	"slices"

	"mzproxy/rewrite/pgtext"
)

// StatementKind says whose business a statement is.
type StatementKind uint8

// The kinds of statements.
const (
	Other            StatementKind = iota // none of ours
	IsWrite                               // writes to mz_cluster_strategies
	IsPrepare                             // PREPARE name AS a write to it
	IsExecute                             // EXECUTE name (...)
	IsDeallocate                          // DEALLOCATE name or ALL; PREPARE name AS something else
	IsDiscard                             // DISCARD ALL
	IsCommand                             // a custom command
	IsPrepareCommand                      // PREPARE name AS a custom command
	IsEmbedded                            // a custom command where only a query may stand: of a cursor, in parentheses
	IsRead                                // compares clusters of mz_cluster_strategies with something
	IsSetting                             // SET, RESET or set_config of client_min_messages
	IsResetAll                            // RESET ALL
	IsBegin                               // begins a transaction block
	IsEnd                                 // ends one
	IsClusterChange                       // renames, swaps or drops clusters
	IsTableDrop                           // drops mz_cluster_strategies
	IsNearMiss                            // nearly a custom command, and the server's
	IsElsewhere                           // writes to a table of the same name, and the name may come to mean ours; with a Name it is prepared
	IsFetch                               // FETCH or MOVE of a cursor
)

// Statement is one statement of a text.
type Statement struct {
	pgtext.Span
	Kind    StatementKind
	Write   *Write         // IsWrite, IsPrepare
	Name    string         // of the prepared statement: IsPrepare, IsPrepareCommand, IsExecute, IsDeallocate (empty: all); of the cursor: IsFetch
	Args    []Value        // IsExecute
	Command Command        // IsCommand, IsPrepareCommand
	Read    *Read          // IsRead
	Commit  bool           // IsEnd: as opposed to ROLLBACK
	Change  *ClusterChange // IsClusterChange
	Meant   string         // IsNearMiss: the command that is meant, perhaps
	// Nested is set for PREPARE of an EXECUTE.
	Nested bool
	// Moves is set where the statement, or what it prepares, may change what names of tables mean.
	Moves bool
	// Portal is a cursor that it declares or closes, whatever its kind; empty: none.
	Portal string
	// Settings are those of the server that it sets, whatever its kind.
	Settings []Setting
}

// Classify takes a text apart. It returns a Statement for each of its
// statements, those of others included. A malformed custom command is a
// *SyntaxError or a *SettingError, a text about our table that cannot be read with certainty a *DoubtError; a text that the server
// cannot cut into tokens gives nothing, for it to complain about.
func Classify(text string, env Env) ([]Statement, error) {
	tokens, err := read(text)
	if err != nil {
		return nil, err
	}
	statements := []Statement{}
	names := begin(env)
	for _, piece := range pieces(tokens) {
		s, err := classify(text, piece, names.now)
		if err != nil {
			return nil, err
		}
		names.behind(text, piece, &s)
		statements = append(statements, s)
	}
	return statements, nil
}

func classify(text string, piece Piece, env Env) (Statement, error) {
	s := Statement{Span: piece.Span}
	command, err := parseCommand(text, piece, env)
	if err != nil {
		return s, err
	}
	if command != nil {
		s.Kind, s.Command = IsCommand, command
		return s, nil
	}
	first := piece.Tokens[0]
	elsewhere := false
	if s.Command, err = preparedCommand(text, piece, env); err != nil {
		return s, err
	}
	if s.Command == nil && writes(piece) {
		if s.Write, elsewhere, err = parseWrite(text, piece, env); err != nil {
			return s, err
		}
	}
	switch {
	case first.Is("prepare"):
		s.prepare(piece)
	case s.Write != nil:
		s.Kind = IsWrite
	case dropsTable(piece):
		s.Kind = IsTableDrop
	case first.Is("alter", "drop"):
		if s.Change = clusterChange(piece); s.Change != nil {
			s.Kind = IsClusterChange
		}
	case first.Is("execute"):
		s.Kind, s.Name, s.Args = IsExecute, nameAfter(piece, 1), executeArgs(text, piece, env)
	default:
		s.Kind, s.Name = session(piece)
		s.Commit = s.Kind == IsEnd && first.Is("commit", "end")
	}
	if elsewhere && (s.Kind == Other || s.Kind == IsDeallocate && s.Name != "") {
		s.Kind = IsElsewhere
		return s, nil
	}
	s.Settings = settings(text, piece, env)
	s.Moves = s.Moves || s.Kind == IsDiscard || s.Kind == IsResetAll || slices.ContainsFunc(s.Settings, Setting.moves)
	fetched := ""
	if fetched, s.Portal = cursors(piece); fetched != "" {
		s.Kind, s.Name = IsFetch, fetched
	}
	if s.Kind == Other && embeds(text, piece, env) {
		s.Kind = IsEmbedded
	}
	if s.Kind == Other {
		if s.Read = parseRead(text, piece, env); s.Read != nil {
			s.Kind = IsRead
		}
	}
	if s.Kind == Other && Match([]byte(piece.Of(text))) && slices.ContainsFunc(s.Settings, func(s Setting) bool { return s.Name == MinMessages }) {
		s.Kind = IsSetting
	}
	if s.Kind == Other {
		if s.Meant = nearMiss(text, piece); s.Meant != "" {
			s.Kind = IsNearMiss
		}
	}
	return s, nil
}

// prepare reads PREPARE name AS a statement.
func (s *Statement) prepare(piece Piece) {
	s.Kind, s.Name = IsDeallocate, nameAfter(piece, 1) // none of ours any more
	if s.Write != nil {
		s.Kind = IsPrepare
	}
	s.Nested = slices.ContainsFunc(piece.Tokens, func(t Token) bool { return t.Is("execute") })
	s.Moves = len(piece.Tokens) > 3 && piece.Tokens[2].Is("as") && piece.Tokens[3].Is("set", "reset", "discard")
	switch {
	case s.Command != nil:
		s.Kind = IsPrepareCommand
	case s.Name == "" || s.Name == "transaction" && s.Write == nil:
		s.Kind, s.Name = Other, ""
	}
}

// harmless are the words that begin statements which hold the names of writes and are none.
var harmless = []string{"create", "alter", "drop", "grant", "revoke", "comment", "show"}

// writes tells whether a statement may write.
func writes(piece Piece) bool {
	return !piece.Tokens[0].Is(harmless...) && slices.ContainsFunc(piece.Tokens, func(t Token) bool { return t.Is(writeVerbs...) })
}

// preparedCommand is the custom command behind PREPARE name AS; nil: another statement.
func preparedCommand(text string, piece Piece, env Env) (Command, error) {
	if len(piece.Tokens) < 4 || !piece.Tokens[0].Is("prepare") || !piece.Tokens[2].Is("as") {
		return nil, nil
	}
	rest := Piece{pgtext.Span{Start: piece.Tokens[3].Start, End: piece.End}, piece.Tokens[3:]}
	return parseCommand(text, rest, env)
}

// embeds tells whether a custom command stands where a query may.
func embeds(text string, piece Piece, env Env) bool {
	for i := 1; i+1 < len(piece.Tokens); i++ {
		if t := piece.Tokens[i]; !t.isOp("(") && !t.Is("for", "as") {
			continue
		}
		rest := Piece{pgtext.Span{Start: piece.Tokens[i+1].Start, End: piece.End}, piece.Tokens[i+1:]}
		for _, r := range recognisers() {
			if r.claims(&parser{text: text, piece: rest, env: env}) {
				return true
			}
		}
	}
	return false
}

// session recognises what changes the state of a session: transactions,
// all settings at once, prepared statements.
func session(piece Piece) (kind StatementKind, name string) {
	second := Token{}
	if len(piece.Tokens) > 1 {
		second = piece.Tokens[1]
	}
	switch first := piece.Tokens[0]; {
	case first.Is("deallocate"):
		return IsDeallocate, deallocated(piece)
	case first.Is("discard") && second.Is("all"):
		return IsDiscard, ""
	case first.Is("reset") && second.Is("all"):
		return IsResetAll, ""
	case first.Is("begin"), first.Is("start") && second.Is("transaction"):
		return IsBegin, ""
	case first.Is("commit", "end", "rollback", "abort") && !second.Is("to", "prepared"):
		return IsEnd, ""
	}
	return Other, ""
}

func nameAfter(piece Piece, i int) string {
	if i >= len(piece.Tokens) {
		return ""
	}
	name, _ := piece.Tokens[i].Name()
	return name
}

// deallocated is the name that DEALLOCATE [PREPARE] name gives; empty for ALL.
func deallocated(piece Piece) string {
	i := 1
	if len(piece.Tokens) > 2 && piece.Tokens[1].Is("prepare") {
		i = 2
	}
	if i < len(piece.Tokens) && piece.Tokens[i].Is("all") {
		return ""
	}
	return nameAfter(piece, i)
}
