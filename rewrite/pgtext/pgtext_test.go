package pgtext

import (
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestQuote(t *testing.T) {
	for _, c := range []struct{ text, ident, literal string }{
		{"a", `"a"`, `'a'`},
		{"", `""`, `''`},
		{`o'b"c`, `"o'b""c"`, `'o''b"c'`},
		{`a\'b`, `"a\'b"`, ` E'a\\''b'`},
		{"größe", `"größe"`, `'größe'`},
	} {
		if got := QuoteIdent(c.text); got != c.ident {
			t.Errorf("identifier %q: %s, want %s", c.text, got, c.ident)
		}
		if got := QuoteLiteral(c.text); got != c.literal {
			t.Errorf("literal %q: %s, want %s", c.text, got, c.literal)
		}
	}
}

func TestPositions(t *testing.T) {
	const text = "aä€b"
	for offset, want := range []int{1, 2, 2, 3, 3, 3, 4, 5} {
		if got := CharPosition(text, offset); got != want {
			t.Errorf("byte %d is in character %d, want %d", offset, got, want)
		}
	}
	for position, want := range map[int]int{1: 0, 2: 1, 3: 3, 4: 6, 5: 7, 6: 7} {
		if got := ByteOffset(text, position); got != want {
			t.Errorf("character %d begins at %d, want %d", position, got, want)
		}
	}
	if got := CharPosition("", 0); got != 1 {
		t.Errorf("the end of nothing is at %d", got)
	}
}

func TestEdits(t *testing.T) {
	edited := Edited{"SELECT ä, b FROM c", []Edit{{Span{11, 12}, "bcd"}, {Span{7, 9}, "x"}, {Span{0, 0}, "  "}}}
	if got, want := edited.Apply(), "  SELECT x, bcd FROM c"; got != want {
		t.Fatalf("%q, want %q", got, want)
	}
	for position, want := range map[int]int{3: 1, 9: 7, 10: 8, 11: 9, 12: 10, 13: 11, 14: 11, 15: 11, 16: 12, 22: 18, 0: 0} {
		if got := edited.Position(position); got != want {
			t.Errorf("character %d was %d, want %d", position, got, want)
		}
	}
	if got := (Edited{Text: "a"}).Position(7); got != 7 {
		t.Errorf("without edits: %d", got)
	}
}

// What pg_split_opts makes of them: see src/backend/utils/init/postinit.c of PostgreSQL.
func TestOptions(t *testing.T) {
	for text, want := range map[string][]Option{
		"":                              nil,
		"-c a=1  --b-c=2 -cd=3 -e":      {{[]string{"-c", "a=1"}, "a", "1"}, {[]string{"--b-c=2"}, "b_c", "2"}, {[]string{"-cd=3"}, "d", "3"}, {[]string{"-e"}, "", ""}},
		`-c a=x\ y\\z`:                  {{[]string{"-c", `a=x\ y\\z`}, "a", `x y\z`}},
		"-c":                            {{[]string{"-c"}, "", ""}},
		"-c a":                          {{[]string{"-c", "a"}, "", ""}},
		"\t--search_path=A,b\n--x=y=z ": {{[]string{"--search_path=A,b"}, "search_path", "A,b"}, {[]string{"--x=y=z"}, "x", "y=z"}},
		`--a=b\`:                        {{[]string{`--a=b\`}, "a", "b"}},
	} {
		if got := Options(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestParseInterval(t *testing.T) {
	for text, want := range map[string]Interval{
		"2 hours 30 minutes":       {Micros: 9000e6},
		"1h30m":                    {Micros: 5400e6},
		"1 day":                    {Days: 1},
		"1.5 days":                 {Days: 1, Micros: 12 * 3600e6},
		"1:30":                     {Micros: 5400e6},
		"00:00:00":                 {},
		"1 year 2 mons -3 days":    {Months: 14, Days: -3},
		"-04:05:06.7":              {Micros: -14706_700_000},
		"1 week, +04:05:06.000001": {Days: 7, Micros: 14706_000_001},
		"500ms":                    {Micros: 500_000},
		"2":                        {Micros: 2e6},
		" 1 Second ":               {Micros: 1e6},
		"-1 years -2 mons":         {Months: -14},
		"1.5 months":               {Months: 1, Days: 15},
		"2147483647:00:00.000001":  {Micros: 2147483647*3600e6 + 1},
	} {
		if got, ok := ParseInterval(text); !ok || got != want {
			t.Errorf("%q: %+v, %t, want %+v", text, got, ok, want)
		}
	}
	for _, text := range []string{"", " ", "a", "1 fortnight", "1:60", "1:00:60", "1:2:3:4", "1 2", "1h 2", "-", "1e400", "1--2", "9999999999 days", "1:", ":1", "9999999999999999 hours"} {
		if got, ok := ParseInterval(text); ok {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestDuration(t *testing.T) {
	if got, ok := (Interval{Days: 1, Micros: -1}).Duration(); !ok || got != 24*time.Hour-time.Microsecond {
		t.Errorf("%s, %t", got, ok)
	}
	for _, i := range []Interval{{Months: 1}, {Days: 1 << 30}, {Micros: 1 << 62}} {
		if got, ok := i.Duration(); ok {
			t.Errorf("%+v is %s", i, got)
		}
	}
}

// FuzzParseInterval: no text makes it panic, and a duration is what was read.
func FuzzParseInterval(f *testing.F) {
	f.Add("1 year 2 mons -3 days 04:05:06.7")
	f.Fuzz(func(t *testing.T, text string) {
		i, ok := ParseInterval(text)
		if !ok && i != (Interval{}) {
			t.Errorf("%+v of a text that is none", i)
		}
		if d, ok := i.Duration(); ok && d.Microseconds() != int64(i.Days)*microsOfDay+i.Micros {
			t.Errorf("%+v is %s", i, d)
		}
	})
}

// FuzzPositions: back and forth is where one was, at the beginning of a character.
func FuzzPositions(f *testing.F) {
	f.Add("aä€b", 3)
	f.Fuzz(func(t *testing.T, text string, position int) {
		position = min(max(position, 1), utf8.RuneCountInString(text)+1)
		if got := CharPosition(text, ByteOffset(text, position)); got != position && text != "" {
			t.Errorf("%d came back as %d", position, got)
		}
	})
}

// FuzzOptions: the words are those of the text.
func FuzzOptions(f *testing.F) {
	f.Add(`-c a=x\ y --b=c`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, o := range Options(text) {
			for _, word := range o.Words {
				if word == "" || !strings.Contains(text, word) {
					t.Errorf("%q is no word of %q", word, text)
				}
			}
		}
	})
}
