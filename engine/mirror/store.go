package mirror

import (
	"fmt"
	"maps"
	"slices"
)

// store holds rows by relation and key: rows that belong together, as those of one replica, are few, so that a change copies little.
type store struct {
	keys map[string]int                 // by tag: the column by which rows are kept together
	rows map[string]map[string][]string // by tag and key
}

func newStore(relations []Relation) store {
	s := store{keys: map[string]int{}, rows: map[string]map[string][]string{}}
	for _, r := range relations {
		s.keys[r.tag], s.rows[r.tag] = r.key, map[string][]string{}
	}
	return s
}

// keyOf finds where a row belongs.
func (s *store) keyOf(tag, row string) (string, error) {
	i, ok := s.keys[tag]
	if !ok {
		return "", fmt.Errorf("a subscription has a row of an unknown relation %q", tag)
	}
	return column(row, i), nil
}

// change adds a row so many times, or takes it away. Rows are sorted, so that what is made of them does not depend on how they came.
func (s *store) change(tag, key, row string, n int64) error {
	rows := s.rows[tag][key]
	i, _ := slices.BinarySearch(rows, row)
	switch {
	case n > 0:
		rows = slices.Insert(rows, i, slices.Repeat([]string{row}, int(n))...)
	case n < 0:
		end := i
		for end < len(rows) && rows[end] == row {
			end++
		}
		if int64(end-i) < -n {
			return fmt.Errorf("a subscription takes a row of relation %q away that is not there", tag)
		}
		rows = slices.Delete(rows, i, i+int(-n))
	}
	if len(rows) == 0 {
		delete(s.rows[tag], key)
		return nil
	}
	s.rows[tag][key] = rows
	return nil
}

// each calls f for every row of a relation that belongs to a key.
func (s *store) each(tag, key string, f func(fields)) {
	for _, row := range s.rows[tag][key] {
		f(parseRow(row))
	}
}

// all calls f for every row of a relation, in an order that does not depend on how they came.
func (s *store) all(tag string, f func(fields)) {
	for _, key := range slices.Sorted(maps.Keys(s.rows[tag])) {
		s.each(tag, key, f)
	}
}

// has tells whether any row of a relation belongs to a key.
func (s *store) has(tag, key string) bool { return len(s.rows[tag][key]) > 0 }
