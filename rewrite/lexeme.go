package rewrite

import "bytes"

// Classes of lexemes. Punctuation has its own byte, and so has the end.
const (
	lexEnd    = 0
	lexWord   = 'w' // keyword or identifier
	lexQuoted = 'q' // "identifier"
	lexValue  = 'v' // string, number, parameter
)

// A lexeme is a piece of a text, in place: no copy is made.
type lexeme struct {
	class byte
	text  []byte // the word, or what stands between the quotes of an identifier
}

// is tells whether the lexeme is this word, given in lower case.
func (l lexeme) is(word string) bool {
	return l.class == lexWord && len(l.text) == len(word) && endsIn(l.text, word)
}

// isAny tells whether it is one of these.
func (l lexeme) isAny(words ...string) bool {
	for _, w := range words {
		if l.is(w) {
			return true
		}
	}
	return false
}

// name tells whether the lexeme may be an identifier.
func (l lexeme) name() bool { return l.class == lexWord || l.class == lexQuoted }

// A lexer cuts a text roughly, and allocates nothing: it is for judgements about every text that passes. What
// PostgreSQL's scanner would refuse is cut somehow.
type lexer struct {
	text []byte
	at   int
}

// next returns the next lexeme that is neither space nor comment.
func (l *lexer) next() lexeme {
	l.space()
	if l.at >= len(l.text) {
		return lexeme{}
	}
	from, c := l.at, l.text[l.at]
	switch {
	case c == '\'':
		l.quoted('\'', false)
		return lexeme{class: lexValue}
	case c == '"':
		l.quoted('"', false)
		return lexeme{lexQuoted, bytes.TrimSuffix(l.text[from+1:l.at], []byte{'"'})}
	case c == '$':
		l.dollar()
		return lexeme{class: lexValue}
	case '0' <= c && c <= '9':
		l.word()
		return lexeme{class: lexValue}
	case inWord(c):
		l.word()
		if l.at == from+1 && c|0x20 == 'e' && l.at < len(l.text) && l.text[l.at] == '\'' {
			l.quoted('\'', true)
			return lexeme{class: lexValue}
		}
		return lexeme{lexWord, l.text[from:l.at]}
	}
	l.at++
	return lexeme{class: c}
}

// peek returns the next lexeme without taking it.
func (l *lexer) peek() lexeme {
	ahead := *l
	return ahead.next()
}

// space goes behind white space and comments.
func (l *lexer) space() {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; {
		case c == ' ' || '\t' <= c && c <= '\r':
			l.at++
		case c == '-' && l.follows('-'):
			end := bytes.IndexByte(l.text[l.at:], '\n')
			if end < 0 {
				end = len(l.text) - l.at
			}
			l.at += end
		case c == '/' && l.follows('*'):
			l.comment()
		default:
			return
		}
	}
}

func (l *lexer) follows(c byte) bool { return l.at+1 < len(l.text) && l.text[l.at+1] == c }

// comment goes behind a comment, which may hold others.
func (l *lexer) comment() {
	depth := 0
	for l.at < len(l.text) {
		switch {
		case l.text[l.at] == '/' && l.follows('*'):
			depth++
			l.at += 2
		case l.text[l.at] == '*' && l.follows('/'):
			depth--
			l.at += 2
			if depth == 0 {
				return
			}
		default:
			l.at++
		}
	}
}

// quoted goes behind what stands in quotes, of which two stand for one.
func (l *lexer) quoted(quote byte, backslashes bool) {
	for l.at++; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case c == '\\' && backslashes:
			l.at++
		case c != quote:
		case l.follows(quote):
			l.at++
		default:
			l.at++
			return
		}
	}
	l.at = len(l.text)
}

// dollar goes behind a parameter, or a string in dollar quotes.
func (l *lexer) dollar() {
	from := l.at
	l.at++
	l.word()
	if l.at >= len(l.text) || l.text[l.at] != '$' {
		return
	}
	l.at++
	end := bytes.Index(l.text[l.at:], l.text[from:l.at])
	if end < 0 {
		l.at = len(l.text)
		return
	}
	l.at += end + l.at - from
}

func (l *lexer) word() {
	for l.at < len(l.text) && inWord(l.text[l.at]) {
		l.at++
	}
}

func inWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c >= 0x80
}
