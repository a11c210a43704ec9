package rewrite

import "bytes"

// Match tells whether a text may hold a statement of ours: whether "strateg"
// stands in it in any case (the tables, EXPLAIN STRATEGY, APPLY STRATEGIES,
// strategy.notices), or "U&", which can spell it with escapes. It is asked
// about every text that passes, so it looks at bytes only and allocates nothing.
func Match(text []byte) bool {
	return contains(text, 'g', 'G', "strate") || contains(text, '&', '&', "u")
}

// contains looks for a byte, in either case, that has tail in front of it. Bytes
// that are rare in SQL make the search fast: bytes.IndexByte looks at many at once.
func contains(text []byte, c, upper byte, tail string) bool {
	return containsCase(text, c, tail) || upper != c && containsCase(text, upper, tail)
}

func containsCase(text []byte, c byte, tail string) bool {
	for from := 0; ; {
		i := bytes.IndexByte(text[from:], c)
		if i < 0 {
			return false
		}
		from += i
		if from >= len(tail) && equalFold(text[from-len(tail):from], tail) {
			return true
		}
		from++
	}
}

func equalFold(b []byte, lowered string) bool {
	for i, c := range b {
		if c|0x20 != lowered[i] {
			return false
		}
	}
	return true
}
