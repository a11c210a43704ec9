package proxy

import (
	"testing"

	"mzproxy/proxy/wire"
)

// An error of the server has the hint of the statement at fault, where that has one and the server gives none.
func TestHint(t *testing.T) {
	hinted := func(hint string) *directives { return &directives{hint: hint} }
	batch := func(at int, d map[int]*directives) item {
		return item{kind: 'Q', batch: &batch{at: at, directives: d}}
	}
	named := &statement{directives: *hinted("of the name")}
	for _, test := range []struct {
		name             string
		head             item
		code, said, want string
	}{
		{"a text", batch(0, map[int]*directives{0: hinted("a")}), "42704", "", "a"},
		{"the server's own", batch(0, map[int]*directives{0: hinted("a")}), "42704", "server", "server"},
		{"another statement fails", batch(0, map[int]*directives{1: hinted("a")}), "42704", "", ""},
		{"the text cannot be read", batch(0, map[int]*directives{2: hinted("b"), 1: hinted("a"), 0: hinted("")}), wire.CodeSyntax, "", "a"},
		{"nothing to say", batch(0, map[int]*directives{}), wire.CodeSyntax, "", ""},
		{"Parse", item{kind: 'P', statement: named}, "42601", "", "of the name"},
		{"Parse of something else", item{kind: 'P'}, "42601", "", ""},
		{"Execute", item{kind: 'E', name: "p"}, "42704", "", "of the name"},
		{"Execute of another", item{kind: 'E', name: "q"}, "42704", "", ""},
		{"Sync", item{kind: 'S'}, "42704", "", ""},
	} {
		b := &books{portals: map[string]*portal{"p": {statement: named}}}
		b.push(test.head)
		e := &wire.Fields{Code: test.code, Hint: test.said}
		if changed := b.advise(e); e.Hint != test.want || changed != (test.want != test.said) {
			t.Errorf("%s: %q, changed: %t; want %q", test.name, e.Hint, changed, test.want)
		}
	}
}
