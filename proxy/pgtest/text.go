package pgtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Format writes a message as text, as ParseMessage reads it.
func Format(from Side, m Message) string {
	for _, l := range from.layouts() {
		if l.typ != m.Type {
			continue
		}
		words := []string{l.name}
		rest := m.Body
		for _, f := range []byte(l.fields) {
			word, after, ok := formatField(f, rest)
			if !ok {
				return fmt.Sprintf("%q %q", m.Type, m.Body)
			}
			words, rest = append(words, word), after
		}
		if len(rest) > 0 {
			return fmt.Sprintf("%q %q", m.Type, m.Body)
		}
		return strings.TrimRight(strings.Join(words, " "), " ")
	}
	return fmt.Sprintf("%q %q", m.Type, m.Body)
}

func formatField(field byte, body []byte) (text string, rest []byte, ok bool) {
	switch field {
	case 's':
		s, rest, ok := strings.Cut(string(body), "\x00")
		return strconv.Quote(s), []byte(rest), ok
	case 'r':
		return strconv.Quote(string(body)), nil, true
	case 'E':
		return formatComplaint(body)
	}
	r := &reader{rest: body}
	switch field {
	case 'b':
		text = string(r.take(1))
	case 'k':
		text = strconv.Itoa(r.int(1))
	case '4':
		text = strconv.Itoa(r.int(4))
	case 'o', 'f':
		text = r.list(func() string { return strconv.Itoa(r.int(map[byte]int{'o': 4, 'f': 2}[field])) })
	case 'v':
		text = r.list(r.value)
	case 'T':
		text = r.list(r.column)
	}
	return text, r.rest, !r.short
}

// A reader takes numbers and lists off a message.
type reader struct {
	rest  []byte
	short bool
}

func (r *reader) take(n int) []byte {
	if n > len(r.rest) {
		r.short = true
		return make([]byte, n&0xff)
	}
	taken := r.rest[:n]
	r.rest = r.rest[n:]
	return taken
}

func (r *reader) int(size int) int {
	b := r.take(size)
	switch size {
	case 1:
		return int(b[0])
	case 2:
		return int(int16(binary.BigEndian.Uint16(b)))
	}
	return int(int32(binary.BigEndian.Uint32(b)))
}

func (r *reader) list(item func() string) string {
	n := int(uint16(r.int(2)))
	words := []string{}
	for range n {
		if r.short {
			break
		}
		words = append(words, item())
	}
	return "[" + strings.Join(words, " ") + "]"
}

func (r *reader) value() string {
	n := r.int(4)
	if n == -1 {
		return "NULL"
	}
	if n < 0 {
		r.short = true
		return ""
	}
	return strconv.Quote(string(r.take(n)))
}

// column writes a column as name:type:format.
func (r *reader) column() string {
	name, rest, ok := strings.Cut(string(r.rest), "\x00")
	if !ok {
		r.short = true
		return ""
	}
	r.rest = []byte(rest)
	r.take(6)
	oid := r.int(4)
	r.take(6)
	return fmt.Sprintf("%s:%d:%d", name, oid, r.int(2))
}

// formatComplaint writes the fields of an error as letter="value".
func formatComplaint(body []byte) (text string, rest []byte, ok bool) {
	var words []string
	for len(body) > 0 && body[0] != 0 {
		value, after, ok := strings.Cut(string(body[1:]), "\x00")
		if !ok {
			return "", nil, false
		}
		words = append(words, fmt.Sprintf("%c=%q", body[0], value))
		body = []byte(after)
	}
	if len(body) == 0 {
		return "", nil, false
	}
	return strings.Join(words, " "), body[1:], true
}

// ParseMessage reads a message from text: its name and its fields.
func ParseMessage(from Side, text string) (Message, error) {
	w := &words{rest: text}
	name := w.next()
	if strings.HasPrefix(name, "'") {
		typ, _, _, err := strconv.UnquoteChar(strings.Trim(name, "'"), '\'')
		return Message{byte(typ), []byte(w.string())}, errors.Join(err, w.err)
	}
	for _, l := range from.layouts() {
		if l.name != name {
			continue
		}
		m := Message{Type: l.typ, Body: []byte{}}
		for _, f := range []byte(l.fields) {
			m.Body = w.field(m.Body, f)
		}
		if w.err == nil && strings.TrimSpace(w.rest) != "" {
			w.err = fmt.Errorf("%q is too much", w.rest)
		}
		return m, w.err
	}
	return Message{}, fmt.Errorf("no message of the %s is called %q", from, name)
}

// words reads the parts of a message's text.
type words struct {
	rest string
	err  error
}

// next returns the next word: a quoted string, a bracket, or up to the next space.
func (w *words) next() string {
	w.rest = strings.TrimLeft(w.rest, " ")
	if q, err := strconv.QuotedPrefix(w.rest); err == nil {
		w.rest = w.rest[len(q):]
		return q
	}
	end := strings.IndexAny(w.rest, " []")
	switch {
	case end < 0:
		end = len(w.rest)
	case end == 0:
		end = 1
	}
	word := w.rest[:end]
	w.rest = w.rest[end:]
	return word
}

func (w *words) string() string {
	word := w.next()
	if word == "" {
		return ""
	}
	s, err := strconv.Unquote(word)
	if err != nil {
		w.fail("%q is not a quoted string", word)
	}
	return s
}

func (w *words) int(word string) int {
	n, err := strconv.Atoi(word)
	if err != nil {
		w.fail("%q is not a number", word)
	}
	return n
}

func (w *words) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf(format, args...)
	}
}

func (w *words) field(dst []byte, field byte) []byte {
	switch field {
	case 's':
		return append(append(dst, w.string()...), 0)
	case 'r':
		return append(dst, w.string()...)
	case 'b':
		word := w.next()
		if len(word) != 1 {
			w.fail("%q is not one character", word)
		}
		return append(dst, word...)
	case 'k':
		return append(dst, byte(w.int(w.next())))
	case '4':
		return binary.BigEndian.AppendUint32(dst, uint32(w.int(w.next())))
	case 'E':
		for strings.TrimSpace(w.rest) != "" {
			w.rest = strings.TrimLeft(w.rest, " ")
			letter := w.rest[0]
			w.rest = strings.TrimPrefix(w.rest[1:], "=")
			dst = append(append(append(dst, letter), w.string()...), 0)
		}
		return append(dst, 0)
	}
	return w.list(dst, field)
}

// list reads a list in brackets; a missing one is empty.
func (w *words) list(dst []byte, field byte) []byte {
	at, n := len(dst), 0
	dst = append(dst, 0, 0)
	if word := w.next(); word != "[" {
		if word != "" {
			w.fail("%q is not the beginning of a list", word)
		}
		return dst
	}
	for word := w.next(); word != "]"; word = w.next() {
		if word == "" {
			w.fail("a list without an end")
			return dst
		}
		dst = w.item(dst, field, word)
		n++
	}
	binary.BigEndian.PutUint16(dst[at:], uint16(n))
	return dst
}

func (w *words) item(dst []byte, field byte, word string) []byte {
	switch field {
	case 'o':
		return binary.BigEndian.AppendUint32(dst, uint32(w.int(word)))
	case 'f':
		return binary.BigEndian.AppendUint16(dst, uint16(w.int(word)))
	case 'T':
		part := strings.Split(word+":25:0", ":")
		dst = append(append(dst, part[0]...), 0)
		dst = append(dst, 0, 0, 0, 0, 0, 0)
		dst = binary.BigEndian.AppendUint32(dst, uint32(w.int(part[1])))
		dst = append(dst, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
		return binary.BigEndian.AppendUint16(dst, uint16(w.int(part[2])))
	}
	if word == "NULL" {
		return append(dst, 0xff, 0xff, 0xff, 0xff)
	}
	s, err := strconv.Unquote(word)
	if err != nil {
		w.fail("%q is not a value", word)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}
