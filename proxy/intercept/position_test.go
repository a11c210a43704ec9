package intercept_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// notations are ways to write a string constant, and how text is written in them.
var notations = []struct {
	open, close string
	escape      func(string) string
}{
	{"'", "'", func(s string) string { return strings.ReplaceAll(s, "'", "''") }},
	{"E'", "'", func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", `\'`) }},
	{"$q$", "$q$", func(s string) string { return s }},
	{"U&'", "'", func(s string) string {
		return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), "'", "''"), `"`, `\0022`)
	}},
}

// The place of an error about a config lies inside of its literal, however that is written, and
// nothing of it panics.
func FuzzPosition(f *testing.F) {
	for _, config := range []string{`{"target_size": "smal"}`, `{"größe": 1}`, `{`, ``, `[]`, `{"a\u0062": {"target_size": 1}, "target_size": 2}`, `"it's"`, `nul`, "{\n \"x\"\n"} {
		for n := range notations {
			f.Add(config, uint8(n))
		}
	}
	r := newRig(f)
	f.Fuzz(func(t *testing.T, config string, n uint8) {
		notation := notations[int(n)%len(notations)]
		if !utf8.ValidString(config) || strings.ContainsAny(config, "\x00") || strings.Contains(config, "$q$") || strings.HasSuffix(config, "$q") {
			t.Skip("no literal")
		}
		head := "INSERT INTO mz_cluster_strategies /* größer */ VALUES ('prod', 'target_size', "
		literal := notation.open + notation.escape(config) + notation.close
		got := r.run(t.Context(), head+literal+"::jsonb)", func() string { return "INSERT 0 0" })
		if got.err == nil {
			return
		}
		first := utf8.RuneCountInString(head+notation.open) + 1
		last := utf8.RuneCountInString(head+literal) - utf8.RuneCountInString(notation.close) + 1
		if got.err.Position < first || got.err.Position > last {
			t.Errorf("%s: position %d is not within %d and %d: %s", literal, got.err.Position, first, last, got)
		}
	})
}

// The place is that of the key or the value that is wrong.
func TestPosition(t *testing.T) {
	r := newRig(t)
	for _, config := range []string{
		`{"target_size": >"smal"}`, `{"target_size": "small", >"größe": 1}`, `{"replica_name": "it's größer", "target_size": >7}`,
		`{"target_size": "small", "target_size": >"smal"}`, `{"replica_name": {"target_size": 1}, "target_size" : >"smal"}`,
		`{"target_size" >"small"}`, `{"target_size": "small"} >{}`, `{"target_size": "small", >}`, `{"target_size": "small"}>`,
	} {
		wrong := strings.Index(config, ">")
		config = config[:wrong] + config[wrong+1:]
		for _, notation := range notations {
			head := "INSERT INTO mz_cluster_strategies /* größer */ VALUES ('prod', 'target_size', "
			text := head + notation.open + notation.escape(config) + notation.close + ")"
			want := utf8.RuneCountInString(head+notation.open+notation.escape(config[:wrong])) + 1
			got := r.run(t.Context(), text, func() string { return "INSERT 0 1" })
			valid := wrong == len(config)
			switch {
			case valid && got.err == nil:
			case got.err == nil || got.err.Position != want:
				t.Errorf("%s\n  gives %v at %s, not at %d", text, got.err, position(got), want)
			}
		}
	}
}

func position(r *result) string {
	if r.err == nil {
		return "no place"
	}
	return fmt.Sprint(r.err.Position)
}
