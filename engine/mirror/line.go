package mirror

import (
	"fmt"
	"strconv"
	"strings"
)

// Timestamp is a time of the server's, in milliseconds since the epoch.
type Timestamp int64

// Line is what a subscription says in one line: that a row came or went, or how far it has got.
type Line struct {
	At       Timestamp
	Progress bool // all rows of earlier timestamps have been told
	diff     int64
	tag      string
	row      string // the columns behind the tag, as they were sent
}

// ParseLine reads a line of COPY's text format without its end: timestamp, whether it is about progress, difference, tag, columns.
func ParseLine(line string) (Line, error) {
	at, rest, ok := strings.Cut(line, "\t")
	progressed, rest, more := strings.Cut(rest, "\t")
	if !ok || !more {
		return Line{}, fmt.Errorf("a line of a subscription has too few columns")
	}
	whole, _, _ := strings.Cut(at, ".")
	ms, err := strconv.ParseInt(whole, 10, 64)
	if err != nil {
		return Line{}, fmt.Errorf("a line of a subscription has no timestamp: %w", err)
	}
	l := Line{At: Timestamp(ms), Progress: progressed == "t"}
	if l.Progress {
		return l, nil
	}
	diff, rest, ok := strings.Cut(rest, "\t")
	if l.diff, err = strconv.ParseInt(diff, 10, 64); err != nil || !ok {
		return Line{}, fmt.Errorf("a line of a subscription has no difference")
	}
	l.tag, l.row, _ = strings.Cut(rest, "\t")
	l.row = strings.Clone(trim(l.row)) // the line itself is larger, and may be somebody else's
	return l, nil
}

// null is NULL in COPY's text format.
const null = `\N`

// trim takes the NULLs off the end.
func trim(row string) string {
	for strings.HasSuffix(row, "\t"+null) {
		row = row[:len(row)-len(null)-1]
	}
	return row
}

// unescape takes the escapes of COPY's text format out.
var unescape = strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t", `\b`, "\b", `\f`, "\f", `\v`, "\v")

// fields are the columns of a row. A nil one is NULL.
type fields [width]*string

// parseRow takes a row apart.
func parseRow(row string) (f fields) {
	for i := range f {
		text, rest, more := strings.Cut(row, "\t")
		if text != null {
			if strings.IndexByte(text, '\\') >= 0 {
				text = unescape.Replace(text)
			}
			f[i] = &text
		}
		if !more {
			break
		}
		row = rest
	}
	return f
}

// text is a column, "" for NULL.
func (f *fields) text(i int) string {
	if f[i] == nil {
		return ""
	}
	return *f[i]
}

// number is a column that is a number; nil where it is none.
func (f *fields) number(i int) *int64 {
	n, err := strconv.ParseInt(f.text(i), 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// truth is a column that is a boolean; NULL is false.
func (f *fields) truth(i int) bool { return f.text(i) == "true" || f.text(i) == "t" }

// column is one column of a row, without taking the row apart.
func column(row string, i int) string {
	for range i {
		_, row, _ = strings.Cut(row, "\t")
	}
	text, _, _ := strings.Cut(row, "\t")
	if text == null {
		return ""
	}
	if strings.IndexByte(text, '\\') >= 0 {
		return unescape.Replace(text)
	}
	return text
}
