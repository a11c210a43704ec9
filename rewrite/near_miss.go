package rewrite

import (
	"bytes"
	"strings"

	"mzproxy/rewrite/pgtext"
)

// The verbs that a misspelt strategy may follow, with the word that belongs behind each. SET is not among them: a setting
// of the server's may be called anything.
var strategyVerbs = map[string]string{
	"explain": "STRATEGY", "show": "STRATEGY", "reset": "STRATEGY",
	"apply": "STRATEGIES", "validate": "STRATEGIES", "pause": "STRATEGIES", "resume": "STRATEGIES",
}

// nearMiss is the command that is meant, perhaps, by a statement that is a letter or two from being one of ours; empty: none. The statement is the server's,
// which most likely refuses it.
func nearMiss(text string, piece Piece) string {
	if len(piece.Tokens) < 2 {
		return ""
	}
	verb, word := piece.Tokens[0], piece.Tokens[1]
	name, ok := word.Name()
	want := strategyVerbs[strings.ToLower(verb.Text)]
	if !ok || want == "" || !likeStrategy(name) {
		return ""
	}
	meant := strings.ToUpper(verb.Text) + " " + want + text[word.End:piece.End]
	if len(piece.Tokens) == 2 && verb.Is("show") {
		meant = "SHOW STRATEGIES"
	}
	return strings.TrimRight(meant, " \t\r\n;")
}

// likeStrategy tells whether a word is nearly one of ours.
func likeStrategy(name string) bool {
	name = strings.ToLower(name)
	for _, word := range strategyWord {
		if d := pgtext.EditDistance(name, word); d <= 2 {
			return true
		}
	}
	return false
}

// MayMiss tells whether a text begins like a command of ours, with a word behind the verb that begins like strategy. It is asked about
// every text that passes.
func MayMiss(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	if len(text) == 0 || !bytes.ContainsRune([]byte("eEsSrRaAvVpP"), rune(text[0])) {
		return false
	}
	end := bytes.IndexByte(text[:min(len(text), 16)], ' ')
	if end < 0 || strategyVerbs[strings.ToLower(string(text[:end]))] == "" {
		return false
	}
	rest := bytes.TrimLeft(text[end:], " \t\r\n")
	return len(rest) > 2 && bytes.EqualFold(rest[:2], []byte("st"))
}
