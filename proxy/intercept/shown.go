package intercept

import (
	"context"
	"slices"

	"mzproxy/proxy"
)

// shown is a table of which less is shown than there is: by default what one needs at a glance, in less than 120 columns; with VERBOSE everything.
type shown struct {
	columns []proxy.Column
	brief   []string // names of the columns that are shown by default, in their order
	verbose bool
}

// At most so many characters of a column are shown by default.
var briefWidths = map[string]int{"decision": 46, "reason": 31, "result": 20, "next_action": 22, "old": 28, "new": 28}

func (s shown) list() []proxy.Column {
	if s.verbose {
		return s.columns
	}
	list := make([]proxy.Column, len(s.brief))
	for i, name := range s.brief {
		list[i] = s.columns[s.index(name)]
	}
	return list
}

func (s shown) index(name string) int {
	return slices.IndexFunc(s.columns, func(c proxy.Column) bool { return c.Name == name })
}

// add adds a row, which is given in full.
func (s shown) add(t *table, values ...*string) {
	if s.verbose {
		t.add(values...)
		return
	}
	row := make([]*string, len(s.brief))
	for i, name := range s.brief {
		row[i] = cut(values[s.index(name)], briefWidths[name])
	}
	t.add(row...)
}

// cut shortens what is too long to be read at a glance; 0: nothing is.
func cut(value *string, width int) *string {
	if value == nil || width == 0 {
		return value
	}
	runes := []rune(*value)
	if len(runes) <= width {
		return value
	}
	return text(string(runes[:width-3]) + "...")
}

// answerShown is answer with a table of which less may be shown.
func (h *handler) answerShown(s shown, fill func(ctx context.Context, t *table) error) *proxy.Answer {
	return h.answer(s.list(), "", fill)
}
