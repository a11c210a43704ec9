package rewrite

import "strings"

// The server's lexer and PostgreSQL's, which takes texts apart here, differ in places: where a comment or a quoted text
// ends decides about what is a statement. So a text that names our table is taken apart by the server's rules, too, and
// what the two read differently is refused.

// A mark is what a lexer sees of a text, as far as it decides about statements and names.
type mark struct {
	kind       byte // 'w' a word, 'i' a quoted identifier, 's' a string, or the piece of punctuation: ; ( )
	start, end int
}

// serverLexer takes a text apart as Materialize's lexer does.
type serverLexer struct {
	text  string
	pos   int
	marks []mark
}

// serverMarks are the marks that the server sees; ok is false where it refuses the text.
func serverMarks(text string) (marks []mark, ok bool) {
	l := serverLexer{text: text}
	for l.pos < len(text) {
		if !l.next() {
			return nil, false
		}
	}
	return l.marks, true
}

func (l *serverLexer) next() bool {
	start, c := l.pos, l.text[l.pos]
	kind := c
	ok := true
	switch rest := l.text[l.pos:]; {
	case strings.IndexByte(" \t\n\f\r", c) >= 0:
		l.pos++
		return true
	case strings.HasPrefix(rest, "--"):
		l.skipTo('\n')
		return true
	case strings.HasPrefix(rest, "/*"):
		return l.comment()
	case c == '\'':
		kind, ok = 's', l.literal(false)
	case len(rest) > 1 && rest[1] == '\'' && (c|0x20 == 'x' || c|0x20 == 'e'):
		l.pos++
		kind, ok = 's', l.literal(c|0x20 == 'e')
	case isWordByte(c) && !decimal(c) && c != '$':
		kind = 'w'
		l.skip(isWordByte)
	case c == '"':
		kind, ok = 'i', l.quoted('"', false)
	case decimal(c), c == '.' && len(rest) > 1 && decimal(rest[1]):
		l.number()
		return true
	case c == '$' && len(rest) > 1 && decimal(rest[1]):
		l.pos++
		l.skip(decimal)
		return true
	case c == '$':
		kind, ok = 's', l.dollar()
	case c == ';', c == '(', c == ')':
		l.pos++
	case strings.IndexByte(",.:[]+-*/<>=~!@#%^&|`?", c) >= 0:
		l.pos++
		return true
	default:
		return false
	}
	l.marks = append(l.marks, mark{kind, start, l.pos})
	return ok
}

func decimal(c byte) bool { return '0' <= c && c <= '9' }

func isWordByte(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || decimal(c) || c == '$' || c == '_' || c >= 0x80
}

func (l *serverLexer) skip(while func(byte) bool) {
	for l.pos < len(l.text) && while(l.text[l.pos]) {
		l.pos++
	}
}

func (l *serverLexer) skipTo(c byte) { l.skip(func(other byte) bool { return other != c }) }

// comment skips one that may hold others.
func (l *serverLexer) comment() bool {
	depth := 0
	for l.pos < len(l.text) {
		switch rest := l.text[l.pos:]; {
		case strings.HasPrefix(rest, "/*"):
			depth++
			l.pos += 2
		case strings.HasPrefix(rest, "*/"):
			l.pos += 2
			if depth--; depth == 0 {
				return true
			}
		default:
			l.pos++
		}
	}
	return false
}

// literal skips a string, with what is joined to it over line ends.
func (l *serverLexer) literal(backslashes bool) bool {
	for {
		if !l.quoted('\'', backslashes) {
			return false
		}
		end := l.pos
		l.skip(func(c byte) bool { return strings.IndexByte(" \t\n\f\r", c) >= 0 })
		if !strings.ContainsAny(l.text[end:l.pos], "\r\n") || l.pos == len(l.text) || l.text[l.pos] != '\'' {
			l.pos = end
			return true
		}
	}
}

// quoted skips what stands between two quotes, where a doubled one is none.
func (l *serverLexer) quoted(quote byte, backslashes bool) bool {
	for l.pos++; l.pos < len(l.text); l.pos++ {
		switch {
		case backslashes && l.text[l.pos] == '\\':
			l.pos++
		case l.text[l.pos] != quote:
		case l.pos+1 < len(l.text) && l.text[l.pos+1] == quote:
			l.pos++
		default:
			l.pos++
			return true
		}
	}
	l.pos = len(l.text)
	return false
}

// dollar skips $tag$...$tag$, where a tag may be anything but a dollar sign.
func (l *serverLexer) dollar() bool {
	tag := strings.IndexByte(l.text[l.pos+1:], '$') + 2
	if tag < 2 {
		return false
	}
	body := l.pos + tag
	end := strings.Index(l.text[body:], l.text[l.pos:body])
	if end < 0 {
		return false
	}
	l.pos = body + end + tag
	return true
}

// number skips digits, a fraction and an exponent.
func (l *serverLexer) number() {
	l.skip(decimal)
	if l.pos < len(l.text) && l.text[l.pos] == '.' {
		l.pos++
		l.skip(decimal)
	}
	if l.pos == len(l.text) || l.text[l.pos]|0x20 != 'e' {
		return
	}
	exponent := l.pos + 1
	if exponent < len(l.text) && (l.text[exponent] == '-' || l.text[exponent] == '+') {
		exponent++
	}
	if exponent < len(l.text) && decimal(l.text[exponent]) {
		l.pos = exponent
		l.skip(decimal)
	}
}
