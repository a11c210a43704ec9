package rewrite

import (
	"errors"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"mzproxy/rewrite/pgtext"
)

// seeds are the texts of testdata/sql.
func seeds(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob(sqlFiles)
	if err != nil || len(files) == 0 {
		f.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		for _, c := range readCases(f, file) {
			f.Add(c.text)
		}
	}
}

// Recognition never panics, its positions are inside the text, and what it
// edits is the same statement but for the edit.
func FuzzClassify(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, text string) {
		statements, err := Classify(text, testEnv)
		var placed Placed
		switch {
		case errors.As(err, &placed):
			if placed.Place() < 0 || placed.Place() > len(text) {
				t.Fatalf("position %d outside %q", placed.Place(), text)
			}
		case err != nil:
			t.Fatalf("%q: an error without a place: %v", text, err)
		}
		end := 0
		for _, s := range statements {
			if s.Start < end || s.End < s.Start || s.End > len(text) {
				t.Fatalf("statement %v in %q", s.Span, text)
			}
			end = s.End
			if s.Kind != Other && s.Kind < IsBegin && !Match([]byte(text)) && s.Kind != IsExecute && s.Kind != IsDeallocate && s.Kind != IsDiscard && s.Kind != IsResetAll {
				t.Fatalf("%q is never asked about, and has a statement of ours", text)
			}
			if s.Write != nil {
				checkWrite(t, text, s)
			}
			if explain, ok := s.Command.(ExplainStrategy); ok && explain.WhatIf != nil {
				checkPositions(t, text, s.Span, explain.WhatIf.Write)
			}
		}
	})
}

// FuzzLike: matching never panics, and a pattern without special characters
// matches itself alone.
func FuzzLike(f *testing.F) {
	f.Add(`p%`, "prod")
	f.Add(`a\%_`, "a%b")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if _, err := Like(pattern, text); err != nil && !errors.Is(err, ErrPattern) {
			t.Fatal(err)
		}
		if ok, err := Like("%"+escapeLike(text)+"%", "<"+text+">"); !ok || err != nil {
			t.Fatalf("%q does not match itself: %v", text, err)
		}
	})
}

func escapeLike(text string) string {
	var out []rune
	for _, r := range text {
		if r == '%' || r == '_' || r == '\\' {
			out = append(out, '\\')
		}
		out = append(out, r)
	}
	return string(out)
}

// FuzzInterval: reading times never panics, and what is read is above zero.
func FuzzInterval(f *testing.F) {
	f.Add("2 hours 30 min")
	f.Add("1:30:00")
	f.Fuzz(func(t *testing.T, text string) {
		if d, err := ParseInterval(text); err == nil && d <= 0 {
			t.Fatalf("%q is %v", text, d)
		}
		_, _ = ParseTimestamp(text, nil)
	})
}

func checkPositions(t *testing.T, text string, span pgtext.Span, w *Write) {
	t.Helper()
	var all []Value
	for _, row := range w.Rows {
		for _, v := range row {
			all = append(all, v)
		}
	}
	for _, set := range w.Set {
		all = append(all, set.Value)
	}
	for _, c := range w.Where {
		all = append(all, c.Values...)
	}
	for _, v := range all {
		if v.Kind != Literal && v.Kind != Bound {
			continue
		}
		if v.Start < span.Start || v.End > span.End || v.Start >= v.End {
			t.Fatalf("value %v in %q", v, text)
		}
		for i := range len(v.Text) + 1 {
			if at := v.SourceOffset(text, i); at < v.Start || at > v.End {
				t.Fatalf("offset %d of %v in %q", at, v, text)
			}
		}
	}
	var placed Placed
	if errors.As(w.Unfit, &placed) && (placed.Place() < span.Start || placed.Place() > span.End) {
		t.Fatalf("position %d outside of %v of %q", placed.Place(), span, text)
	}
}

// checkWrite makes all edits that a write can get, and compares the trees.
func checkWrite(t *testing.T, text string, s Statement) {
	t.Helper()
	checkPositions(t, text, s.Span, s.Write)
	const id = "u'1\\"
	var edits []pgtext.Edit
	for _, v := range s.Write.Clusters() {
		if v.Kind == Literal {
			edits = append(edits, pgtext.Edit{Span: v.Span, Text: pgtext.QuoteLiteral(id)})
		}
	}
	touch, touched := s.Write.Touch()
	if touched {
		edits = append(edits, touch)
	}
	edits = distinct(edits)
	before, err := parseOne(s.Of(text))
	if err != nil {
		if len(edits) > 0 {
			t.Fatalf("%q is edited without being understood", text)
		}
		return
	}
	for i := range edits {
		edits[i].Start -= s.Start
		edits[i].End -= s.Start
	}
	edited := pgtext.Apply(s.Of(text), edits)
	after, err := parseOne(edited)
	if err != nil {
		t.Fatalf("%q became %q: %v", s.Of(text), edited, err)
	}
	if touched {
		update := after.GetUpdateStmt()
		if p := after.GetPrepareStmt(); p != nil {
			update = p.Query.GetUpdateStmt()
		}
		if update.TargetList[0].GetResTarget().GetName() != ColumnUpdated {
			t.Fatalf("%q became %q", s.Of(text), edited)
		}
		update.TargetList = update.TargetList[1:]
	}
	neutral(before.ProtoReflect())
	neutral(after.ProtoReflect())
	if !sameTree(before.ProtoReflect(), after.ProtoReflect(), id) {
		t.Fatalf("%q became %q", s.Of(text), edited)
	}
}

func distinct(edits []pgtext.Edit) []pgtext.Edit {
	var out []pgtext.Edit
	seen := map[pgtext.Span]bool{}
	for _, e := range edits {
		if !seen[e.Span] {
			out = append(out, e)
		}
		seen[e.Span] = true
	}
	return out
}

// neutral takes places in the text out of a tree.
func neutral(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		switch fd := fields.Get(i); fd.Name() {
		case "location", "stmt_location", "stmt_len":
			m.Clear(fd)
		}
	}
	each(m, neutral)
}

// sameTree compares trees; where the second one has the id, the first one may have any constant.
func sameTree(a, b protoreflect.Message, id string) bool {
	if c, ok := b.Interface().(*pg_query.A_Const); ok && c.GetSval().GetSval() == id {
		_, ok := a.Interface().(*pg_query.A_Const)
		return ok
	}
	var left, right []protoreflect.Message
	each(a, func(m protoreflect.Message) { left = append(left, m) })
	each(b, func(m protoreflect.Message) { right = append(right, m) })
	if a.Descriptor() != b.Descriptor() || len(left) != len(right) {
		return false
	}
	if len(left) == 0 {
		return proto.Equal(a.Interface(), b.Interface())
	}
	for i := range left {
		if !sameTree(left[i], right[i], id) {
			return false
		}
	}
	return true
}
