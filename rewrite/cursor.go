package rewrite

import "slices"

// cursors recognises what goes by the name of a cursor, which may as well be that of a portal that a Bind message made: fetched is read
// (FETCH, MOVE), changed is declared or closed.
func cursors(piece Piece) (fetched, changed string) {
	switch first := piece.Tokens[0]; {
	case first.Is("fetch", "move"):
		end := slices.IndexFunc(piece.Tokens, func(t Token) bool { return t.Is("with") })
		if end < 0 {
			end = len(piece.Tokens)
		}
		return nameAfter(piece, max(1, end-1)), ""
	case first.Is("declare"), first.Is("close") && len(piece.Tokens) > 1 && !piece.Tokens[1].Is("all"):
		return "", nameAfter(piece, 1)
	}
	return "", ""
}
