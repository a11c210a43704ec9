package mzsim

import (
	"strings"

	"mzproxy/rewrite"
)

// spelled writes a query as PostgreSQL wants it: current_user without parentheses behind, and a function that is
// taken apart, f(x).*, in parentheses.
func spelled(text string) string {
	if !strings.Contains(text, "()") && !strings.Contains(text, ").*") {
		return text
	}
	pieces, err := rewrite.Split(text)
	if err != nil || len(pieces) != 1 {
		return text // PostgreSQL will say what is wrong with it
	}
	tokens := pieces[0].Tokens
	inserts, cuts := map[int]string{}, map[int]bool{} // at the offset of a token; tokens
	for i := range tokens {
		switch {
		case tokens[i].Is("current_user", "current_role", "session_user") && isOp(tokens, i+1, "(") && isOp(tokens, i+2, ")"):
			cuts[i+1], cuts[i+2] = true, true
		case isOp(tokens, i, ")") && isOp(tokens, i+1, ".") && isOp(tokens, i+2, "*"):
			if begin := callBefore(tokens, i); begin >= 0 {
				inserts[begin] += "("
				inserts[i+1] += ")"
			}
		}
	}
	var b strings.Builder
	last := 0
	for i, t := range tokens {
		b.WriteString(text[last:t.Start] + inserts[i])
		if !cuts[i] {
			b.WriteString(text[t.Start:t.End])
		}
		last = t.End
	}
	return b.String() + text[last:]
}

func isOp(tokens []rewrite.Token, i int, op string) bool {
	return i >= 0 && i < len(tokens) && tokens[i].Kind == rewrite.Op && tokens[i].Text == op
}

// callBefore is where the call of a function begins whose right parenthesis stands at end; -1: it is none.
func callBefore(tokens []rewrite.Token, end int) int {
	depth := 0
	for i := end; i >= 0; i-- {
		switch {
		case isOp(tokens, i, ")"):
			depth++
		case isOp(tokens, i, "("):
			depth--
		}
		if depth > 0 {
			continue
		}
		begin := i - 1
		if begin < 0 || tokens[begin].Kind == rewrite.Op {
			return -1
		}
		for isOp(tokens, begin-1, ".") {
			begin -= 2
		}
		return begin
	}
	return -1
}
