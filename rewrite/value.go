package rewrite

import (
	"strconv"

	pg_query "github.com/pganalyze/pg_query_go/v5"
)

// ValueKind says what stands in a value's place.
type ValueKind uint8

// The kinds of values.
const (
	Expr    ValueKind = iota // an expression: not known before it runs
	Literal                  // a constant
	Bound                    // $n
	Default                  // the keyword DEFAULT, or a column that is not named
	Null
)

// Value is one value of a write.
type Value struct {
	Kind ValueKind
	Span        // of the literal or parameter, casts left out
	Text string // Literal: its value
	N    int    // Bound: which parameter, from 1
}

// SourceOffset maps an index in the value of a string literal to the byte
// offset in the text where that byte comes from, through quotes and escapes.
// For other values it is the start of the value.
func (v Value) SourceOffset(text string, i int) int {
	l, err := decodeString(v.Of(text))
	if v.Kind != Literal || err != nil || len(l.from) == 0 {
		return v.Start
	}
	return v.Start + l.from[min(max(i, 0), len(l.from)-1)]
}

// Quoted tells whether the value is a string literal.
func (v Value) Quoted(text string) bool {
	if v.Kind != Literal {
		return false
	}
	_, err := decodeString(v.Of(text))
	return err == nil
}

// values turns nodes of a tree into Values. Positions in the tree count from
// the start of the piece.
type values struct {
	text  string
	piece Piece
}

// tokenAt returns the token that starts at an offset of the tree.
func (v values) tokenAt(location int32) (Token, bool) {
	at := v.piece.Start + int(location)
	lo, hi := 0, len(v.piece.Tokens)
	for lo < hi {
		mid := (lo + hi) / 2
		if v.piece.Tokens[mid].Start < at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == len(v.piece.Tokens) || v.piece.Tokens[lo].Start != at {
		return Token{}, false
	}
	return v.piece.Tokens[lo], true
}

func (v values) of(node *pg_query.Node) Value {
	switch n := node.GetNode().(type) {
	case *pg_query.Node_AConst:
		return v.constant(n.AConst)
	case *pg_query.Node_TypeCast:
		return v.of(n.TypeCast.Arg)
	case *pg_query.Node_ParamRef:
		t, ok := v.tokenAt(n.ParamRef.Location)
		if !ok {
			return Value{}
		}
		return Value{Kind: Bound, Span: Span{t.Start, t.End}, N: int(n.ParamRef.Number)}
	case *pg_query.Node_SetToDefault:
		return Value{Kind: Default}
	}
	return Value{}
}

func (v values) constant(c *pg_query.A_Const) Value {
	if c.Isnull {
		return Value{Kind: Null}
	}
	t, ok := v.tokenAt(c.Location)
	if !ok {
		return Value{}
	}
	value := Value{Kind: Literal, Span: Span{t.Start, t.End}, Text: t.Text}
	if b, ok := c.Val.(*pg_query.A_Const_Boolval); ok {
		value.Text = strconv.FormatBool(b.Boolval.Boolval)
	}
	return value
}

func (v values) list(nodes []*pg_query.Node) []Value {
	list := make([]Value, 0, len(nodes))
	for _, n := range nodes {
		list = append(list, v.of(n))
	}
	return list
}

// executeArgs returns the arguments of EXECUTE name (...).
func executeArgs(text string, piece Piece) []Value {
	node, err := parseOne(piece.Of(text))
	if err != nil || node.GetExecuteStmt() == nil {
		return nil
	}
	return values{text, piece}.list(node.GetExecuteStmt().Params)
}
