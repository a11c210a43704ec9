package rewrite

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var places = regexp.MustCompile(`@\d+|character \d+`)

// what is described, places and spelling aside.
func recognised(text string) string {
	out := places.ReplaceAllString(describe(text, testEnv), "")
	var lines []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "  becomes") {
			lines = append(lines, line)
		}
	}
	return strings.ToLower(strings.Join(lines, ""))
}

// Comments, white space and the case of keywords make no difference, wherever
// they are.
func TestSpellingMakesNoDifference(t *testing.T) {
	files, err := filepath.Glob(sqlFiles)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	var texts []string
	for _, file := range files {
		for _, c := range readCases(t, file) {
			if tokens, err := Tokens(c.text); err == nil && len(tokens) > 0 {
				texts = append(texts, c.text)
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(texts).Draw(t, "text")
		respelled := respell(t, text)
		if got, want := recognised(respelled), recognised(text); got != want {
			t.Fatalf("%s\nis recognised as\n%s\nbut\n%s\nas\n%s", text, want, respelled, got)
		}
	})
}

func respell(t *rapid.T, text string) string {
	tokens, err := Tokens(text)
	if err != nil {
		t.Fatal(err)
	}
	gaps := rapid.SampledFrom([]string{" ", "\n", "\t\r\n", "/* c */", "/* ; /* nested */ ' */", "-- ; ' $$\n", " \f "})
	var b strings.Builder
	at := 0
	for _, token := range tokens {
		b.WriteString(text[at:token.Start])
		touching := at == token.Start && at > 0
		joins := touching && strings.ContainsAny(text[at-1:at]+text[at:at+1], "<>=!|-:.\"'") // one operator of several characters, or a name
		if !joins && rapid.Bool().Draw(t, "gap") {
			b.WriteString(gaps.Draw(t, "what"))
		}
		source := text[token.Start:token.End]
		if token.Kind == Keyword && rapid.Bool().Draw(t, "case") {
			source = strings.ToUpper(source)
		}
		b.WriteString(source)
		at = token.End
	}
	b.WriteString(text[at:])
	return b.String()
}
