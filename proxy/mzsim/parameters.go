package mzsim

import (
	"strconv"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// errArray is the error for a parameter of an array type.
var errArray = &proxy.Error{Code: "22023", Message: "unable to decode parameter: input of array types is not implemented"}

// arrayTypes are the OIDs of the array types of PostgreSQL that programs send.
var arrayTypes = map[uint32]bool{
	1000: true, 1001: true, 1002: true, 1003: true, 1005: true, 1007: true, 1009: true, 1014: true, 1015: true, 1016: true, 1021: true, 1022: true,
	1028: true, 1115: true, 1182: true, 1183: true, 1185: true, 1187: true, 1231: true, 199: true, 2951: true, 3807: true,
}

// arrays are the parameters that a statement takes as arrays by the way it is written: ANY ($1), $1::int[].
func arrays(tokens []rewrite.Token) map[string]bool {
	found := map[string]bool{}
	is := func(i int, op string) bool {
		return i >= 0 && i < len(tokens) && tokens[i].Kind == rewrite.Op && tokens[i].Text == op
	}
	for i, t := range tokens {
		if t.Kind != rewrite.Param {
			continue
		}
		quantified := is(i-1, "(") && i >= 2 && tokens[i-2].Is("any", "all", "some") && is(i+1, ")")
		if quantified || is(i+1, "::") && is(i+3, "[") {
			found[t.Text] = true
		}
	}
	return found
}

// checkParameters refuses arrays.
func (st *statement) checkParameters(b *proxy.Bind) error {
	known := arrays(st.Tokens)
	for i, value := range b.Values {
		if value == nil {
			continue
		}
		if i < len(b.ParamOIDs) && arrayTypes[b.ParamOIDs[i]] || known["$"+strconv.Itoa(i+1)] {
			return errArray
		}
	}
	return nil
}
