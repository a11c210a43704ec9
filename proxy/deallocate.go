package proxy

import (
	"bytes"
	"context"
	"fmt"
	"strings"
)

// A client may drop a prepared statement by SQL instead of a Close message. The
// server cannot drop one that it has never seen, and wishes about one that it has must
// not outlive it.

// wants reports whether somebody has to see a text: the handler, or we because
// it drops a prepared statement that we know.
func (r *requests) wants(text []byte) bool {
	if r.handler.Wants(text) {
		return true
	}
	if len(r.statements) == 0 {
		return false
	}
	name, ok := deallocated(text)
	return ok && r.knowsStatement([]byte(name))
}

// deallocate handles a text that drops a prepared statement that we know.
func (r *requests) deallocate(q Query) ([]Verdict, bool) {
	if len(r.statements) == 0 {
		return nil, false
	}
	name, ok := deallocated([]byte(q.Text))
	if !ok {
		return nil, false
	}
	s := r.prepared(name)
	switch {
	case s == nil:
		return nil, false
	case s.answer == nil:
		if q.TxStatus != 'E' {
			r.dropStatement(name)
		}
		return nil, true
	}
	run := func(context.Context, ResultWriter) (string, error) {
		if r.statements[name] != s {
			return "", &Error{Code: CodeInvalidStatementName, Message: fmt.Sprintf(messageUnknownStatement, name)}
		}
		r.dropStatement(name)
		return "DEALLOCATE", nil
	}
	return []Verdict{{End: len(q.Text), Action: Local, Answer: &Answer{Run: run}}}, true
}

// deallocated returns the name of the prepared statement that a text drops. See
// DEALLOCATE in the PostgreSQL documentation.
func deallocated(text []byte) (name string, ok bool) {
	rest, ok := cutWord(text, "DEALLOCATE")
	if !ok {
		return "", false
	}
	if behind, ok := cutWord(rest, "PREPARE"); ok && len(bytes.Trim(behind, "; \t\r\n\f\v")) > 0 {
		rest = behind
	}
	rest = bytes.TrimRight(rest, "; \t\r\n\f\v")
	if len(rest) > 1 && rest[0] == '"' && rest[len(rest)-1] == '"' {
		name = strings.ReplaceAll(string(rest[1:len(rest)-1]), `""`, "\x00")
		return strings.ReplaceAll(name, "\x00", `"`), !strings.Contains(name, `"`)
	}
	for _, b := range rest {
		if !isWordByte(b) {
			return "", false
		}
	}
	name = strings.Map(lower, string(rest))
	return name, name != "" && name != "all"
}

// lower folds a letter as PostgreSQL folds those of identifiers: ASCII only.
func lower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}

// cutWord cuts a keyword and the space around it off the front of a text.
func cutWord(text []byte, word string) (rest []byte, ok bool) {
	const space = " \t\r\n\f\v"
	text = bytes.TrimLeft(text, space)
	if len(text) < len(word) || !strings.EqualFold(string(text[:len(word)]), word) {
		return nil, false
	}
	rest = text[len(word):]
	if len(rest) > 0 && isWordByte(rest[0]) {
		return nil, false
	}
	return bytes.TrimLeft(rest, space), true
}

func isWordByte(b byte) bool {
	return b == '_' || b == '$' || b >= 0x80 || '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}
