package mzsim

import (
	"strings"

	"mzproxy/rewrite"
)

// keywords are the words that messages show in capitals.
var keywords = wordSet(`add all alter analyze and any as asc auto availability begin between by cascade case cast
	check close cluster clusters column comment commit connection constraint copy create cross cursor database declare default
	delete desc discard distinct drop else end except execute exists explain false fetch first for foreign from full
	generator group having if in index inner insert intersect interval into introspection is join key left like limit load managed
	materialized no not null of offset on options or order outer owner plan prepare primary references rename replica
	replicas replication factor reset restrict returning revoke right role rollback schedule schema secret select set show sink size
	source start strategy subscribe swap system table temporary then to transaction true type union unique update
	user using values view when where with zone zones`)

// typeNames are the names of types that Materialize renders in another way than they are mostly written.
var typeNames = map[string]string{
	"int": "int4", "integer": "int4", "bigint": "int8", "smallint": "int2", "boolean": "bool",
	"string": "text", "real": "float4", "float": "float8", "double": "float8", "decimal": "numeric",
}

func wordSet(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}

// render writes a statement anew for a message: keywords in capitals, names of
// types as the system calls them, white space normalised, and what a write writes left out.
func render(text string, tokens []rewrite.Token) string {
	var b strings.Builder
	table := len(tokens) > 1 && tokens[0].Is("create") && (tokens[1].Is("table") || tokens[1].Is("temporary"))
	write := tokens[0].Is("insert", "update", "delete")
	// CREATE CLUSTER c with options that have no parentheses around them
	bare := len(tokens) > 3 && tokens[0].Is("create") && tokens[1].Is("cluster") && !tokens[2].Is("replica", "if") && tokens[3].Kind == rewrite.Keyword
	for i, t := range tokens {
		if i > 0 && !(bare && i == 3) && (t.Start > tokens[i-1].End && spaced(tokens[i-1], t) || isEquals(t) || isEquals(tokens[i-1])) {
			b.WriteByte(' ')
		}
		switch name := typeNames[t.Text]; {
		case write && (t.Kind == rewrite.String || t.Kind == rewrite.Number):
			b.WriteString("'<REDACTED>'")
		case t.Kind == rewrite.Keyword && table && i > 2 && name != "":
			b.WriteString(name)
		case t.Kind == rewrite.Keyword && keywords[t.Text]:
			b.WriteString(strings.ToUpper(t.Text))
		case t.Kind == rewrite.Keyword:
			b.WriteString(t.Text)
		default:
			b.WriteString(text[t.Start:t.End])
		}
		if i+1 < len(tokens) && optionBefore(t, tokens[i+1]) {
			b.WriteString(" =")
		}
		if bare && i == 2 {
			b.WriteString(" (")
		}
	}
	if bare {
		b.WriteByte(')')
	}
	return b.String()
}

// optionBefore tells whether an option ends whose value begins without an equals sign.
func optionBefore(t, next rewrite.Token) bool {
	return t.Is("size") && next.Kind == rewrite.String || t.Is("factor") && next.Kind == rewrite.Number || t.Is("replicas") && next.Kind == rewrite.Op && next.Text == "("
}

func isEquals(t rewrite.Token) bool { return t.Kind == rewrite.Op && t.Text == "=" }

// spaced tells whether white space between two tokens is kept.
func spaced(left, right rewrite.Token) bool {
	opening := left.Kind == rewrite.Op && (left.Text == "(" || left.Text == ".")
	closing := right.Kind == rewrite.Op && (right.Text == ")" || right.Text == "," || right.Text == ".")
	return !opening && !closing
}
