package engine

import (
	"encoding/json"
	"math"
	"math/big"
	"strconv"
	"strings"
)

// Number is an exact number, such as of seconds. Those of up to nine digits before and nine digits after the point, which is nearly
// all that there are, cost nothing; the zero value is 0.
type Number struct {
	billionths int64    // where rat is nil
	rat        *big.Rat // what does not fit; never changed
}

const billion = 1_000_000_000

// Whole makes a Number of an integer.
func Whole(n int64) Number {
	if n > math.MaxInt64/billion || n < math.MinInt64/billion {
		return Number{rat: new(big.Rat).SetInt64(n)}
	}
	return Number{billionths: n * billion}
}

// parseNumber turns a JSON number into a Number.
func parseNumber(text string) Number {
	digits, negative := strings.CutPrefix(text, "-")
	before, after, _ := strings.Cut(digits, ".")
	if len(before) > 9 || len(after) > 9 {
		return Number{rat: exact(json.Number(text))}
	}
	n := int64(0)
	for i := range 18 {
		digit := byte('0')
		switch {
		case i < 9 && i < len(before):
			digit = before[i]
		case i < 9:
			continue
		case i-9 < len(after):
			digit = after[i-9]
		}
		if digit < '0' || digit > '9' { // an exponent
			return Number{rat: exact(json.Number(text))}
		}
		n = n*10 + int64(digit-'0')
	}
	if negative {
		n = -n
	}
	return Number{billionths: n}
}

// Rat returns the number as a rational of its own.
func (n Number) Rat() *big.Rat {
	if n.rat != nil {
		return new(big.Rat).Set(n.rat)
	}
	return big.NewRat(n.billionths, billion)
}

// Compare is negative if n is less than m, positive if it is greater.
func (n Number) Compare(m Number) int {
	switch {
	case n.rat != nil || m.rat != nil:
		return n.Rat().Cmp(m.Rat())
	case n.billionths < m.billionths:
		return -1
	case n.billionths > m.billionths:
		return 1
	}
	return 0
}

// Sign is -1, 0 or 1.
func (n Number) Sign() int { return n.Compare(Number{}) }

// Floor is the number in decimal digits, rounded down to an integer.
func (n Number) Floor() string {
	if n.rat != nil {
		return new(big.Int).Div(n.rat.Num(), n.rat.Denom()).String()
	}
	whole := n.billionths / billion
	if n.billionths%billion < 0 {
		whole--
	}
	return strconv.FormatInt(whole, 10)
}

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
