package engine

import (
	"cmp"
	"slices"
	"strings"
)

// Counting tells which rows count: of each type the newest one, among equals
// the later.
func Counting(rows []StrategyRow) []bool {
	counts := make([]bool, len(rows))
	for _, i := range newest(rows) {
		counts[i] = true
	}
	return counts
}

// newest returns the places of the rows that count, in the order of their types.
func newest(rows []StrategyRow) []int {
	order := make([]int, len(rows))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &rows[a], &rows[b]
		return cmp.Or(strings.Compare(x.Type, y.Type), number(y.older(x))-number(x.older(y)))
	})
	last := order[:0]
	for n, i := range order {
		if n+1 == len(order) || rows[order[n+1]].Type != rows[i].Type {
			last = append(last, i)
		}
	}
	return last
}

// Rows are rows of different types, in their order.
type Rows []*StrategyRow

// NewestRows keeps the rows that count. They stay the caller's.
func NewestRows(rows []StrategyRow) Rows {
	places := newest(rows)
	count := make(Rows, len(places))
	for n, i := range places {
		count[n] = &rows[i]
	}
	return count
}

// Of returns the row of a type, or nil.
func (r Rows) Of(strategyType string) *StrategyRow {
	i, ok := slices.BinarySearchFunc(r, strategyType, func(row *StrategyRow, t string) int { return strings.Compare(row.Type, t) })
	if !ok {
		return nil
	}
	return r[i]
}

// older tells whether a row is before another one of its type: one that cannot be read before all that can, and
// then one without a time before all that have one.
func (r *StrategyRow) older(other *StrategyRow) bool {
	a, b := r.UpdatedAt, other.UpdatedAt
	switch {
	case r.Fault != "" || other.Fault != "":
		return other.Fault == ""
	case a == nil || b == nil:
		return a == nil && b != nil
	}
	return a.Compare(*b) < 0
}
