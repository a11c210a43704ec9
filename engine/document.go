package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// document is a JSON object as it was stored: a config, or a payload. Its keys differ.
type document []member

// member is one key of a document.
type member struct {
	key   string
	value jsonValue
}

// jsonValue is a JSON value. Texts and numbers, which is nearly all that there are, are held without a pointer.
type jsonValue struct {
	kind jsonKind
	text string // of a text: what it says; of a number: as it was written
	tree any    // of the others
}

type jsonKind uint8

const (
	jsonOther jsonKind = iota // null, true, false, lists and objects
	jsonText
	jsonNumber
)

// valueOf is the value of a tree.
func valueOf(tree any) jsonValue {
	switch v := tree.(type) {
	case string:
		return jsonValue{kind: jsonText, text: v}
	case json.Number:
		return jsonValue{kind: jsonNumber, text: v.String()}
	}
	return jsonValue{tree: tree}
}

// asTree is the value as the package json has it.
func (v jsonValue) asTree() any {
	switch v.kind {
	case jsonText:
		return v.text
	case jsonNumber:
		return json.Number(v.text)
	case jsonOther:
	}
	return v.tree
}

// null tells whether the value is null.
func (v jsonValue) null() bool { return v.kind == jsonOther && v.tree == nil }

// get returns the value of a key; ok is false where it is not there.
func (d document) get(key string) (v jsonValue, ok bool) {
	for i := range d {
		if d[i].key == key {
			return d[i].value, true
		}
	}
	return jsonValue{}, false
}

// set returns the document with a value for a key, in its place.
func (d document) set(key string, v jsonValue) document {
	for i := range d {
		if d[i].key == key {
			d[i].value = v
			return d
		}
	}
	return append(d, member{key, v})
}

// asTree is the document as the package json has it.
func (d document) asTree() map[string]any {
	tree := make(map[string]any, len(d))
	for _, m := range d {
		tree[m.key] = m.value.asTree()
	}
	return tree
}

// decodeObject reads a JSON object and nothing else. It goes into the given room as far as that reaches.
func decodeObject(raw []byte, room document) (document, error) {
	if d, ok := decodePlain(raw, room); ok {
		return d, nil
	}
	tree, err := decodeTree(raw)
	if err != nil {
		return nil, err
	}
	fields, ok := tree.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("not an object: %s", abbreviate(tree))
	}
	d := room[:0]
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		d = append(d, member{key, valueOf(fields[key])})
	}
	return d, nil
}

// decodePlain reads an object of texts without escapes, numbers, true, false and null, which is what is stored but for oddities,
// at a tenth of the cost. ok is false for all else, right or wrong.
func decodePlain(raw []byte, room document) (d document, ok bool) {
	s := plainScanner{text: string(raw)}
	d = room[:0]
	if !utf8.ValidString(s.text) || !s.skip('{') {
		return nil, false
	}
	if s.skip('}') {
		return d, s.ended()
	}
	for {
		key, ok := s.quoted()
		if !ok || !s.skip(':') {
			return nil, false
		}
		value, ok := s.value()
		if !ok {
			return nil, false
		}
		d = d.set(key, value)
		if s.skip('}') {
			return d, s.ended()
		}
		if !s.skip(',') {
			return nil, false
		}
	}
}

// plainScanner is a place in a text of plain JSON.
type plainScanner struct {
	text string
	at   int
}

func (s *plainScanner) space() {
	for s.at < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.at]) >= 0 {
		s.at++
	}
}

// skip goes past a character, and the spaces before it.
func (s *plainScanner) skip(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

func (s *plainScanner) ended() bool {
	s.space()
	return s.at == len(s.text)
}

// quoted reads a text without escapes.
func (s *plainScanner) quoted() (text string, ok bool) {
	if !s.skip('"') {
		return "", false
	}
	from := s.at
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return s.text[from : s.at-1], true
		case c == '\\' || c < ' ':
			return "", false
		}
	}
	return "", false
}

func (s *plainScanner) value() (v jsonValue, ok bool) {
	s.space()
	rest := s.text[s.at:]
	switch {
	case strings.HasPrefix(rest, `"`):
		text, ok := s.quoted()
		return jsonValue{kind: jsonText, text: text}, ok
	case strings.HasPrefix(rest, "null"):
		s.at += len("null")
		return jsonValue{}, true
	case strings.HasPrefix(rest, "true"):
		s.at += len("true")
		return jsonValue{tree: true}, true
	case strings.HasPrefix(rest, "false"):
		s.at += len("false")
		return jsonValue{tree: false}, true
	}
	end := len(rest)
	if i := strings.IndexAny(rest, ",} \t\r\n"); i >= 0 {
		end = i
	}
	s.at += end
	return jsonValue{kind: jsonNumber, text: rest[:end]}, plainNumber(rest[:end])
}

// plainNumber tells whether a text is a JSON number without exponent.
func plainNumber(text string) bool {
	before, after, point := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	return digits(before) && (before == "0" || before[0] != '0') && (!point || digits(after))
}

func digits(text string) bool {
	for i := range len(text) {
		if !isDigit(text[i]) {
			return false
		}
	}
	return text != ""
}
