package rewrite

import (
	"slices"
	"strconv"
	"strings"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"mzproxy/rewrite/pgtext"
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
	Now // now() or CURRENT_TIMESTAMP
)

// Value is one value of a write.
type Value struct {
	Kind        ValueKind
	pgtext.Span        // of the literal or parameter, casts left out
	Text        string // Literal: its value
	N           int    // Bound: which parameter, from 1
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

// values turns nodes of a tree into Values. Positions in the tree count from
// the start of the piece.
type values struct {
	text  string
	piece Piece
	env   Env
}

// offset is a place of the tree in the text.
func (v values) offset(location int32) int {
	return min(v.piece.Start+int(max(location, 0)), v.piece.End)
}

// tokenIndex finds the token that starts at an offset of the tree.
func (v values) tokenIndex(location int32) (int, bool) {
	return slices.BinarySearchFunc(v.piece.Tokens, v.piece.Start+int(location), func(t Token, at int) int { return t.Start - at })
}

func (v values) tokenAt(location int32) (Token, bool) {
	i, ok := v.tokenIndex(location)
	if !ok {
		return Token{}, false
	}
	return v.piece.Tokens[i], true
}

func (v values) of(node *pg_query.Node) Value {
	switch n := uncast(node).GetNode().(type) {
	case *pg_query.Node_AConst:
		return v.constant(n.AConst)
	case *pg_query.Node_ParamRef:
		t, ok := v.tokenAt(n.ParamRef.Location)
		if !ok {
			return Value{}
		}
		return Value{Kind: Bound, Span: pgtext.Span{Start: t.Start, End: t.End}, N: int(n.ParamRef.Number)}
	case *pg_query.Node_SetToDefault:
		return Value{Kind: Default}
	case *pg_query.Node_SqlvalueFunction:
		if n.SqlvalueFunction.Op == pg_query.SQLValueFunctionOp_SVFOP_CURRENT_TIMESTAMP {
			return Value{Kind: Now}
		}
	case *pg_query.Node_FuncCall:
		name := n.FuncCall.Funcname
		if len(n.FuncCall.Args) == 0 && len(name) > 0 && name[len(name)-1].GetString_().GetSval() == "now" {
			return Value{Kind: Now}
		}
	}
	return Value{}
}

// uncast takes casts off that keep the text.
func uncast(node *pg_query.Node) *pg_query.Node {
	for cast := node.GetTypeCast(); cast != nil && keepsText(cast.TypeName); cast = node.GetTypeCast() {
		node = cast.Arg
	}
	return node
}

// keepsText tells whether a cast to the type leaves the text of a literal as it is, or at least its meaning.
func keepsText(t *pg_query.TypeName) bool {
	names := t.GetNames()
	if len(names) == 0 || len(t.Typmods) > 0 || len(t.ArrayBounds) > 0 {
		return false
	}
	switch names[len(names)-1].GetString_().GetSval() {
	case "text", "varchar", "string", "json", "jsonb", "timestamptz":
		return true
	}
	return false
}

func (v values) constant(c *pg_query.A_Const) Value {
	if c.Isnull {
		return Value{Kind: Null}
	}
	t, ok := v.tokenAt(c.Location)
	if !ok {
		return Value{}
	}
	value := Value{Kind: Literal, Span: pgtext.Span{Start: t.Start, End: t.End}, Text: t.Text}
	switch n := c.Val.(type) {
	case *pg_query.A_Const_Sval:
		if t.Kind != String || v.env.Backslashes && strings.HasPrefix(value.Of(v.text), "'") && strings.Contains(t.Text, `\`) {
			return Value{}
		}
	case *pg_query.A_Const_Boolval:
		value.Text = strconv.FormatBool(n.Boolval.Boolval)
	case *pg_query.A_Const_Ival:
		if t.Kind != Number { // the sign is a token of its own
			return Value{}
		}
		value.Text = strconv.Itoa(int(n.Ival.Ival))
	default:
		return Value{}
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
func executeArgs(text string, piece Piece, env Env) []Value {
	node, err := parseOne(piece.Of(text))
	if err != nil || node.GetExecuteStmt() == nil {
		return nil
	}
	return values{text, piece, env}.list(node.GetExecuteStmt().Params)
}
