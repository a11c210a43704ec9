package wire

import (
	"strings"
	"unique"
)

// Parameters are those that a client has sent, or a server has reported: names
// and values in turn, each followed by a zero byte; of one that comes twice the last value counts. Most sessions have the
// same ones, and share the text.
type Parameters struct{ text unique.Handle[string] }

// NewParameters takes parameters as messages have them.
func NewParameters(text []byte) Parameters { return Parameters{unique.Make(string(text))} }

// String is the text that NewParameters took.
func (p Parameters) String() string {
	if p == (Parameters{}) {
		return ""
	}
	return p.text.Value()
}

// Get returns the value of a parameter, "" if it was never reported.
func (p Parameters) Get(name string) string {
	_, value, _ := p.cut(name)
	return value
}

// All returns the values by name.
func (p Parameters) All() map[string]string {
	all := map[string]string{}
	for rest := p.String(); rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "\x00")
		all[name], rest, _ = strings.Cut(rest, "\x00")
	}
	return all
}

// With returns the parameters with one of them changed.
func (p Parameters) With(name, value string) Parameters {
	before, _, after := p.cut(name)
	return Parameters{unique.Make(before + name + "\x00" + value + "\x00" + after)}
}

// cut returns the value of a parameter, and what is in front of the parameter
// and after it.
func (p Parameters) cut(name string) (before, value, after string) {
	text := p.String()
	before = text
	for rest := text; rest != ""; {
		at := len(text) - len(rest)
		n, tail, _ := strings.Cut(rest, "\x00")
		v, tail, _ := strings.Cut(tail, "\x00")
		if n == name {
			before, value, after = text[:at], v, tail
		}
		rest = tail
	}
	return before, value, after
}
