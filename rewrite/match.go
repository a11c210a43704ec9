package rewrite

import "bytes"

// Match tells whether a text may hold a statement of ours: whether "strateg"
// stands in it in any case (the tables, EXPLAIN STRATEGY, APPLY STRATEGIES,
// strategy.notices), "min_messag" (client_min_messages, which our notices
// respect), "prox" (SHOW PROXY), or "U&", which can spell it with escapes. It is asked
// about every text that passes, so it looks at bytes only and allocates nothing.
func Match(text []byte) bool {
	return contains(text, 'g', 'G', "strate", "min_messa") || contains(text, '&', '&', "u", "u") || contains(text, 'x', 'X', "pro", "pro")
}

// Names tells whether a text may begin with a statement that gives a prepared statement's name another meaning, or goes by that:
// PREPARE, EXECUTE, DEALLOCATE, DISCARD. A comment in front of anything may hide one.
func Names(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n\f\v;")
	if len(text) == 0 {
		return false
	}
	switch text[0] | 0x20 {
	case 'p':
		return hasPrefix(text, "prepare")
	case 'e':
		return hasPrefix(text, "execute")
	case 'd':
		return hasPrefix(text, "deallocate") || hasPrefix(text, "discard")
	case '-' | 0x20, '/' | 0x20:
		return Contains(text, "prepare") || Contains(text, "execute") || Contains(text, "deallocate") || Contains(text, "discard")
	}
	return false
}

func hasPrefix(text []byte, lowered string) bool {
	return len(text) >= len(lowered) && endsIn(text[:len(lowered)], lowered)
}

// Contains tells whether a keyword, given in lower case, stands in a text in any case.
func Contains(text []byte, keyword string) bool {
	c, tail := keyword[len(keyword)-1], keyword[:len(keyword)-1]
	return contains(text, c, c-'a'+'A', tail, tail)
}

// contains looks for a byte, in either case, that has one of two tails in front
// of it. Bytes that are rare in SQL make the search fast: bytes.IndexByte looks
// at many at once.
func contains(text []byte, c, upper byte, tail, other string) bool {
	return containsCase(text, c, tail, other) || upper != c && containsCase(text, upper, tail, other)
}

func containsCase(text []byte, c byte, tail, other string) bool {
	for from := 0; ; {
		i := bytes.IndexByte(text[from:], c)
		if i < 0 {
			return false
		}
		from += i
		if endsIn(text[:from], tail) || endsIn(text[:from], other) {
			return true
		}
		from++
	}
}

func endsIn(b []byte, lowered string) bool {
	if len(b) < len(lowered) {
		return false
	}
	for i, c := range b[len(b)-len(lowered):] {
		if c|0x20 != lowered[i]|0x20 {
			return false
		}
	}
	return true
}

// MayMove tells whether a text begins like a statement that may change what names of tables mean: SET, RESET or DISCARD. It is
// asked about every text that passes.
func MayMove(text []byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n\f;")
	if len(text) == 0 {
		return false
	}
	switch text[0] | 0x20 {
	case 's', 'r':
		return (hasPrefix(text, "set") || hasPrefix(text, "reset")) &&
			(Contains(text, searchPath) || Contains(text, "schema") || Contains(text, database) || Contains(text, "all"))
	case 'd':
		return hasPrefix(text, "discard")
	case '-' | 0x20, '/' | 0x20:
		return Contains(text, searchPath) || Contains(text, "schema") || Contains(text, database) || Contains(text, "discard") || Contains(text, "reset")
	}
	return false
}
