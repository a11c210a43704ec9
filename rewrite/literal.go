package rewrite

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// literal is a string constant with the way back from its value to its source.
type literal struct {
	value string
	// from holds for every byte of value, and for its end, the offset in the source where
	// it comes from.
	from []int
}

var errLiteral = errors.New("malformed literal")

// decodeString decodes a string constant in any of its notations: 'x', E'x',
// U&'x', $tag$x$tag$, N'x', and parts joined over line ends (PostgreSQL documentation, "String
// Constants").
func decodeString(source string) (literal, error) {
	d := decoder{source: source}
	switch {
	case strings.HasPrefix(source, "$"):
		return d.dollar()
	case hasPrefixFold(source, "E'"):
		d.pos, d.escape = 1, '\\'
	case hasPrefixFold(source, "U&'"):
		d.pos, d.unicode = 2, escapeCharacter(source)
	case hasPrefixFold(source, "N'"):
		d.pos = 1
	case !strings.HasPrefix(source, "'"):
		return literal{}, errLiteral
	}
	return d.quoted('\'')
}

// decodeIdent decodes a quoted identifier: "x" or U&"x".
func decodeIdent(source string) (string, error) {
	d := decoder{source: source}
	if hasPrefixFold(source, `U&"`) {
		d.pos, d.unicode = 2, escapeCharacter(source)
	}
	l, err := d.quoted('"')
	return l.value, err
}

var uescape = regexp.MustCompile(`(?i)^(?:\s|--[^\r\n]*[\r\n])*uescape(?:\s|--[^\r\n]*[\r\n])*'(.)'`)

// unicodeEnd returns where U&'...' or U&"...", with its UESCAPE, ends.
func unicodeEnd(text string, start int) int {
	end := unicodeBody(text, start)
	if m := uescape.FindStringIndex(text[end:]); m != nil {
		end += m[1]
	}
	return end
}

// unicodeBody returns where the quoted part ends.
func unicodeBody(text string, start int) int {
	d := decoder{source: text[start:], pos: 2}
	if !hasPrefixFold(d.source, "U&'") && !hasPrefixFold(d.source, `U&"`) {
		return start
	}
	quote := d.source[2]
	for d.pos = 3; d.pos < len(d.source); {
		switch {
		case d.source[d.pos] != quote:
			d.pos++
		case strings.HasPrefix(d.source[d.pos+1:], string(quote)):
			d.pos += 2
		case quote == '"' || !d.continued(quote):
			return start + d.pos + 1
		}
	}
	return len(text)
}

// escapeCharacter is the character that UESCAPE names, by default a backslash.
func escapeCharacter(source string) byte {
	if m := uescape.FindStringSubmatch(source[unicodeBody(source, 0):]); m != nil && len(m[1]) == 1 {
		return m[1][0]
	}
	return '\\'
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

type decoder struct {
	source  string
	pos     int
	escape  byte // '\\' in E'' strings
	unicode byte // the escape character of U& notation
	out     []byte
	from    []int
}

func (d *decoder) emit(at int, bytes ...byte) {
	for _, b := range bytes {
		d.out = append(d.out, b)
		d.from = append(d.from, at)
	}
}

func (d *decoder) done(end int) (literal, error) {
	return literal{string(d.out), append(d.from, end)}, nil
}

func (d *decoder) dollar() (literal, error) {
	tag := strings.IndexByte(d.source[1:], '$') + 2
	if tag < 2 || len(d.source) < 2*tag || !strings.HasSuffix(d.source, d.source[:tag]) {
		return literal{}, errLiteral
	}
	end := len(d.source) - tag
	for i := tag; i < end; i++ {
		d.emit(i, d.source[i])
	}
	return d.done(end)
}

// quoted decodes from the opening quote at pos.
func (d *decoder) quoted(quote byte) (literal, error) {
	if d.pos >= len(d.source) || d.source[d.pos] != quote {
		return literal{}, errLiteral
	}
	d.pos++
	for d.pos < len(d.source) {
		c := d.source[d.pos]
		switch {
		case c == quote && strings.HasPrefix(d.source[d.pos+1:], string(quote)):
			d.emit(d.pos, quote)
			d.pos += 2
		case c == quote:
			end := d.pos
			if !d.continued(quote) {
				return d.done(end)
			}
		case d.escape != 0 && c == d.escape:
			if err := d.backslash(); err != nil {
				return literal{}, err
			}
		case d.unicode != 0 && c == d.unicode:
			if err := d.unicodeEscape(); err != nil {
				return literal{}, err
			}
		default:
			d.emit(d.pos, c)
			d.pos++
		}
	}
	return literal{}, errLiteral
}

// continued tells whether the constant goes on in another quoted part, and
// moves there. Between the parts there is white space with a line end, and comments.
func (d *decoder) continued(quote byte) bool {
	i := d.pos + 1
	for i < len(d.source) {
		switch {
		case d.source[i] == quote:
			d.pos = i + 1
			return true
		case strings.IndexByte(" \t\r\n\f\v", d.source[i]) >= 0:
			i++
		case strings.HasPrefix(d.source[i:], "--"):
			n := strings.IndexAny(d.source[i:], "\r\n")
			if n < 0 {
				return false
			}
			i += n
		default:
			return false
		}
	}
	return false
}

// backslash decodes an escape of an E” string.
func (d *decoder) backslash() error {
	at := d.pos
	rest := d.source[at+1:]
	if rest == "" {
		return errLiteral
	}
	digits := func(base, most int) string {
		n := 0
		for n < most && n < len(rest) && isDigit(rest[n], base) {
			n++
		}
		return rest[:n]
	}
	switch c := rest[0]; {
	case strings.IndexByte("bfnrt", c) >= 0:
		d.emit(at, "\b\f\n\r\t"[strings.IndexByte("bfnrt", c)])
		d.pos += 2
	case c == 'x' && len(rest) > 1 && isDigit(rest[1], 16):
		rest = rest[1:]
		hex := digits(16, 2)
		n, _ := strconv.ParseUint(hex, 16, 8)
		d.emit(at, byte(n))
		d.pos += 2 + len(hex)
	case isDigit(c, 8):
		octal := digits(8, 3)
		n, _ := strconv.ParseUint(octal, 8, 16)
		d.emit(at, byte(n))
		d.pos += 1 + len(octal)
	case c == 'u' || c == 'U':
		return d.codePoint(at, at+2, map[byte]int{'u': 4, 'U': 8}[c], `\u`)
	default:
		_, size := utf8.DecodeRuneInString(rest)
		d.emit(at, []byte(rest[:size])...)
		d.pos += 1 + size
	}
	return nil
}

func isDigit(c byte, base int) bool {
	_, err := strconv.ParseUint(string(rune(c)), base, 8)
	return err == nil && c < utf8.RuneSelf
}

// unicodeEscape decodes an escape of the U& notation.
func (d *decoder) unicodeEscape() error {
	at := d.pos
	rest := d.source[at+1:]
	switch {
	case strings.HasPrefix(rest, string(d.unicode)):
		d.emit(at, d.unicode)
		d.pos += 2
		return nil
	case strings.HasPrefix(rest, "+"):
		return d.codePoint(at, at+2, 6, string(d.unicode))
	}
	return d.codePoint(at, at+1, 4, string(d.unicode))
}

// codePoint decodes hex digits from start on, and the second half of a
// surrogate pair where the first is one.
func (d *decoder) codePoint(at, start, length int, escape string) error {
	r, err := d.hex(start, length)
	if err != nil {
		return err
	}
	d.pos = start + length
	if utf16.IsSurrogate(r) {
		if !strings.HasPrefix(d.source[d.pos:], escape) {
			return errLiteral
		}
		low, err := d.hex(d.pos+len(escape), 4)
		if err != nil {
			return err
		}
		d.pos += len(escape) + 4
		r = utf16.DecodeRune(r, low)
	}
	d.emit(at, utf8.AppendRune(nil, r)...)
	return nil
}

func (d *decoder) hex(start, length int) (rune, error) {
	if start+length > len(d.source) {
		return 0, errLiteral
	}
	n, err := strconv.ParseUint(d.source[start:start+length], 16, 32)
	if err != nil || n == 0 || n > utf8.MaxRune {
		return 0, fmt.Errorf("%w: bad code point", errLiteral)
	}
	return rune(n), nil
}
