package engine

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// exact turns a JSON number into a rational. Exponents far beyond any duration or
// count are cut, so that "1e999999999" costs nothing and still compares with them
// as it should.
func exact(n json.Number) *big.Rat {
	text := n.String()
	most := 1000 + len(text) // what is left is beyond 10^±1000 whatever its digits
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(strings.TrimPrefix(text[i+1:], "+"))
		switch {
		case err != nil && text[i+1] == '-', exponent < -most:
			exponent = -most
		case err != nil, exponent > most:
			exponent = most
		}
		text = text[:i] + "e" + strconv.Itoa(exponent)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return new(big.Rat)
	}
	return r
}

// whole returns the integer that n stands for; ok is false where it has a
// fractional part. What does not fit is cut to the nearest int64.
func whole(n json.Number) (i int64, ok bool) {
	if i, err := strconv.ParseInt(n.String(), 10, 64); err == nil {
		return i, true
	}
	r := exact(n)
	switch {
	case !r.IsInt():
		return 0, false
	case r.Num().IsInt64():
		return r.Num().Int64(), true
	case r.Sign() < 0:
		return math.MinInt64, true
	}
	return math.MaxInt64, true
}
