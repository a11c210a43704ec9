package intercept

import (
	"fmt"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// cell is one value that a write names, as far as it is known before it runs.
type cell struct {
	known    bool
	hidden   bool // an expression: it shows only when the statement runs
	null     bool // NULL
	standard bool // the column's default, or now()
	text     string
	at       *rewrite.Value // where it stands in the client's text; nil: nowhere
	param    int            // as $n; 0: not a parameter
}

// arguments are the values of a statement's parameters; nil: not known yet.
type arguments []cell

// resolve turns a value of the text into a cell.
func (a arguments) resolve(v rewrite.Value) cell {
	switch v.Kind {
	case rewrite.Literal:
		return cell{known: true, text: v.Text, at: &v}
	case rewrite.Null:
		return cell{null: true}
	case rewrite.Default, rewrite.Now:
		return cell{standard: true}
	case rewrite.Bound:
		c := cell{}
		if v.N >= 1 && v.N <= len(a) {
			c = a[v.N-1]
		}
		c.param = v.N
		return c
	}
	return cell{hidden: true}
}

// jsonbVersion is the byte in front of a jsonb value in binary format.
const jsonbVersion = 1

// boundArguments are the values that a Bind gives.
func boundArguments(b *proxy.Bind) arguments {
	args := make(arguments, len(b.Values))
	for i := range b.Values {
		args[i] = bound(b, i)
	}
	return args
}

// bound is the value of a parameter. Only types whose values are text are of use here.
func bound(b *proxy.Bind, i int) cell {
	value := b.Values[i]
	switch {
	case value == nil:
		return cell{null: true}
	case b.Formats[i] == 0:
		return cell{known: true, text: string(value)}
	}
	oid := uint32(0)
	if i < len(b.ParamOIDs) {
		oid = b.ParamOIDs[i]
	}
	switch oid {
	case 0, pgtext.TypeText, pgtext.TypeVarchar, pgtext.TypeName, pgtext.TypeUnknown, pgtext.TypeJSON, pgtext.TypeJSONB:
		if len(value) > 0 && value[0] == jsonbVersion && (oid == 0 || oid == pgtext.TypeJSONB) {
			value = value[1:]
		}
		return cell{known: true, text: string(value)}
	}
	return cell{hidden: true}
}

// fault is an error at a place within a cell: a position in the text, or, for a
// bound parameter, words that name it.
func (c cell) fault(text string, offset int, path string, e *proxy.Error) *proxy.Error {
	switch {
	case c.at != nil:
		e.Position = pgtext.CharPosition(text, c.at.SourceOffset(text, offset))
	case c.param > 0 && path != "":
		e.Message += fmt.Sprintf(" (parameter $%d, at %s)", c.param, path)
	case c.param > 0:
		e.Message += fmt.Sprintf(" (parameter $%d)", c.param)
	}
	return e
}

// configFault is the error for a fault in a row.
func (c cell) configFault(text string, p engine.ConfigProblem) *proxy.Error {
	e := &proxy.Error{Code: configState(p.Code), Message: p.Message, Detail: p.Detail, Hint: p.Hint}
	offset, path := int(p.Offset), ""
	if p.Key != "" && p.Code != engine.MissingParameter {
		offset, path = jsonPlace([]byte(c.text), p.Key, p.OnValue), "$."+p.Key
	}
	return c.fault(text, offset, path, e)
}
