package rewrite

import (
	"bytes"
	"slices"
)

// ClusterChange is ALTER CLUSTER ... RENAME TO or SWAP WITH, or DROP CLUSTER: a statement of the server's after which names stand for other clusters, or none.
type ClusterChange struct {
	Verb  string   // RENAME, SWAP or DROP
	Names []string // of the clusters concerned, as they were
}

// clusterChange reads one; nil: it is something else.
func clusterChange(piece Piece) *ClusterChange {
	tokens := piece.Tokens
	if len(tokens) < 3 || !tokens[0].Is("alter", "drop") || !tokens[1].Is("cluster") || tokens[2].Is("replica") {
		return nil
	}
	drop := tokens[0].Is("drop")
	tokens = tokens[2:]
	if len(tokens) > 2 && tokens[0].Is("if") && tokens[1].Is("exists") {
		tokens = tokens[2:]
	}
	if drop {
		return &ClusterChange{"DROP", dropped(tokens)}
	}
	name, ok := tokens[0].Name()
	switch {
	case !ok || len(tokens) < 4:
		return nil
	case tokens[1].Is("rename") && tokens[2].Is("to"):
		return &ClusterChange{"RENAME", []string{name}}
	case tokens[1].Is("swap") && tokens[2].Is("with"):
		if other, ok := tokens[3].Name(); ok {
			return &ClusterChange{"SWAP", []string{name, other}}
		}
	}
	return nil
}

// dropped are the names in the list of a DROP.
func dropped(tokens []Token) []string {
	var names []string
	for _, t := range tokens {
		if t.Is("cascade", "restrict") {
			break
		}
		if name, ok := t.Name(); ok && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// dropsTable tells whether a piece is DROP TABLE with the table of the strategies.
func dropsTable(piece Piece) bool {
	tokens := piece.Tokens
	return len(tokens) > 2 && tokens[0].Is("drop") && tokens[1].Is("table") && slices.ContainsFunc(tokens[2:], func(t Token) bool {
		name, ok := t.Name()
		return ok && name == Table
	})
}

// MayChangeCluster tells whether a text begins like a ClusterChange. It is asked about every text that passes.
func MayChangeCluster(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) < 13 || text[0]|0x20 != 'a' && text[0]|0x20 != 'd' {
		return false
	}
	for _, verb := range []string{"alter", "drop"} {
		if len(text) > len(verb) && bytes.EqualFold(text[:len(verb)], []byte(verb)) {
			rest := bytes.TrimLeft(text[len(verb):], " \t\r\n")
			return len(rest) > 8 && bytes.EqualFold(rest[:7], []byte("cluster"))
		}
	}
	return false
}

// MayTouchCatalog tells whether a text begins like a statement after which clusters, what they maintain, or who may change them may be other than before. It is
// asked about every text that passes.
func MayTouchCatalog(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) < 8 {
		return false
	}
	switch text[0] | 0x20 {
	case 'c', 'a', 'd', 'g', 'r':
	default:
		return false
	}
	for _, verb := range []string{"create", "alter", "drop", "grant", "revoke"} {
		if len(text) > len(verb) && bytes.EqualFold(text[:len(verb)], []byte(verb)) {
			return true
		}
	}
	return false
}
