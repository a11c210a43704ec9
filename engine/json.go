package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// decodeTree reads one JSON document and nothing else, with numbers as they were written. The error is one
// line that names the place.
func decodeTree(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("not UTF-8 at %s", place(data, firstInvalid(data)))
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var tree any
	if err := d.Decode(&tree); err != nil {
		at := len(data)
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			at = max(int(syntax.Offset)-1, 0)
			return nil, fmt.Errorf("not JSON at %s: %w", place(data, at), syntax)
		}
		return nil, fmt.Errorf("not JSON at %s: it ends too early", place(data, at))
	}
	rest := data[d.InputOffset():]
	if more := bytes.TrimLeft(rest, " \t\r\n"); len(more) > 0 {
		return nil, fmt.Errorf("not JSON at %s: something follows the document", place(data, len(data)-len(more)))
	}
	return tree, nil
}

func firstInvalid(data []byte) int {
	for i := 0; i < len(data); {
		r, size := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && size == 1 {
			return i
		}
		i += size
	}
	return len(data)
}

// place names a byte of a text by line and column, both from 1.
func place(data []byte, at int) string {
	before := data[:min(at, len(data))]
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d", bytes.Count(before, []byte("\n"))+1, column)
}

// canonical renders a JSON tree with sorted keys and numbers as they were
// written, so that the order of keys in a snapshot never shows in a plan.
func canonical(tree any) json.RawMessage {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil {
		panic(fmt.Sprintf("engine: a JSON tree that cannot be encoded: %v", err)) // trees come from the decoder
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
