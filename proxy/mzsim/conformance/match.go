package conformance

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// match tells whether an answer is the one that is wanted.
//
// Where no statement orders them, rows may come in any order. Notices and parameters may come anywhere. … in a wanted
// line stands for any text. Without a line of columns in what is wanted, columns do not matter; and of a brief case, DETAIL, HINT,
// POSITION, parameters and the state of the transaction do not matter unless there is such a line.
func match(s Step, got []string, brief, real bool) bool {
	if !slices.ContainsFunc(s.Want, func(w string) bool { return strings.HasPrefix(w, columnsLine) }) {
		got = without(got, columnsLine)
	}
	for _, noise := range []string{noticeLine + "00000 connected to Materialize", noticeLine + "00000 cluster replica "} {
		if !slices.ContainsFunc(s.Want, func(w string) bool { return strings.HasPrefix(w, noise) }) {
			got = without(got, noise)
		}
	}
	if brief {
		for _, kind := range []string{detailLine, hintLine, positionLine, parameterLine, inTransaction, inFailed} {
			if !slices.ContainsFunc(s.Want, func(w string) bool { return strings.HasPrefix(w, kind) }) {
				got = without(got, kind)
			}
		}
	}
	ordered := strings.Contains(strings.ToLower(s.Text), "order by")
	got, want := arrange(got, ordered), arrange(s.Want, ordered)
	if last := len(want) - 1; last >= 0 && want[last] == anything {
		want, got = want[:last], got[:min(last, len(got))]
	}
	return slices.EqualFunc(want, got, func(w, g string) bool { return sameLine(w, g, real) })
}

// anything stands for any text in a wanted line, and alone for all lines that are left.
const anything = "…"

// without drops the lines that begin with a text, and what is indented beneath those.
func without(all []string, begin string) []string {
	var kept []string
	dropping := false
	for _, line := range all {
		switch {
		case strings.HasPrefix(line, begin):
			dropping = !strings.HasPrefix(begin, indent)
		case dropping && strings.HasPrefix(line, indent):
		default:
			dropping = false
			kept = append(kept, line)
		}
	}
	return kept
}

// arrange brings what may come in any order into one.
func arrange(all []string, ordered bool) []string {
	var main, aside []string
	toAside := false
	for _, line := range all {
		if !strings.HasPrefix(line, indent) {
			toAside = strings.HasPrefix(line, noticeLine) || strings.HasPrefix(line, warningLine) || strings.HasPrefix(line, parameterLine)
		}
		if toAside {
			aside = append(aside, line)
		} else {
			main = append(main, line)
		}
	}
	for i := 0; i < len(main) && !ordered; i++ {
		j := i
		for j < len(main) && strings.HasPrefix(main[j], rowLine) {
			j++
		}
		slices.Sort(main[i:j])
		i = max(i, j-1)
	}
	slices.SortStableFunc(aside, func(a, b string) int { // parameters behind notices
		return boolInt(strings.HasPrefix(a, parameterLine)) - boolInt(strings.HasPrefix(b, parameterLine))
	})
	return append(main, aside...)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func sameLine(want, got string, real bool) bool {
	want, got = strings.TrimRight(want, " "), strings.TrimRight(got, " ")
	if w, ok := strings.CutPrefix(want, columnsLine); ok && !real {
		g, ok := strings.CutPrefix(got, columnsLine)
		return ok && sameColumns(w, g)
	}
	if strings.HasPrefix(want, rowLine) && !real {
		want, got = plainJSON(want), plainJSON(got)
	}
	return want == got || strings.Contains(want, anything) && pattern(want).MatchString(got)
}

func pattern(want string) *regexp.Regexp {
	parts := strings.Split(want, anything)
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(p)
	}
	return regexp.MustCompile("^(?s)" + strings.Join(parts, ".*") + "$")
}

// plainJSON writes the JSON of a row without the blanks and the order of keys that PostgreSQL has and Materialize has not.
func plainJSON(row string) string {
	cells := strings.Split(strings.TrimPrefix(row, rowLine), cellBorder)
	for i, cell := range cells {
		var value any
		if strings.HasPrefix(cell, "{") && json.Unmarshal([]byte(cell), &value) == nil {
			if plain, err := json.Marshal(value); err == nil {
				cells[i] = string(plain)
			}
		}
	}
	return rowLine + strings.Join(cells, cellBorder)
}

// PostgreSQL cannot have the types of Materialize whose OIDs begin here, and has a type of its own for names, which are texts elsewhere.
const (
	ownTypes = 16384
	textType = "25"
	nameType = "19"
)

// sameColumns compares names, and those types that PostgreSQL has.
func sameColumns(want, got string) bool {
	w, g := strings.Split(want, ", "), strings.Split(got, ", ")
	return slices.EqualFunc(w, g, func(w, g string) bool {
		i := strings.LastIndexByte(w, ':')
		if i < 0 {
			return w == g
		}
		if oid, err := strconv.Atoi(w[i+1:]); err == nil && oid >= ownTypes {
			return strings.HasPrefix(g, w[:i+1])
		}
		return w == g || w[i+1:] == textType && g == w[:i+1]+nameType
	})
}
