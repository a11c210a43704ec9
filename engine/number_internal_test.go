package engine

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"
)

func TestExact(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "1.50": "3/2", "1e2": "100", "1E+2": "100", "1e-2": "1/100", "0.1": "1/10", "-2.5e1": "-25", "0e999999999": "0",
		"0.00000000000000000000000000001": "1/100000000000000000000000000000",
	} {
		value, _ := new(big.Rat).SetString(want)
		if got := exact(json.Number(in)); got.Cmp(value) != 0 {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	trillion := big.NewRat(1e12, 1)
	for in, sign := range map[string]int{
		"1e999999999": 1, "1e999999999999999999999": 1, "-1e999999999": -1, "1e-999999999": 1, "-1e-99999999999999999999": -1,
	} {
		got := exact(json.Number(in))
		if got.Sign() != sign {
			t.Errorf("%s has the sign %d", in, got.Sign())
		}
		if huge := !strings.Contains(in, "e-"); huge != (new(big.Rat).Abs(got).Cmp(trillion) > 0) {
			t.Errorf("%s: beyond all durations: %t", in, !huge)
		}
	}
	// Leading zeros move the point: this is 1000.
	if got := exact(json.Number("0." + strings.Repeat("0", 8000) + "1e8004")); got.Cmp(big.NewRat(1000, 1)) != 0 {
		t.Errorf("8000 zeros give %s", got.FloatString(3))
	}
}

// However a number is held, it is the one that was written.
func TestNumber(t *testing.T) {
	texts := []string{"0", "-0", "0.0", "7", "-7", "1.5", "-1.5", "0.000000001", "-0.000000001", "0.0000000001", "999999999.999999999", "-999999999.999999999",
		"1000000000", "-1000000000", "1e3", "1.5e-3", "1e999999999", "-1e30", "31536000000000000000000", "12345678901.5"}
	for _, in := range texts {
		n, want := parseNumber(in), exact(json.Number(in))
		if n.Rat().Cmp(want) != 0 || n.Sign() != want.Sign() {
			t.Errorf("%s is %s", in, n.Rat())
		}
		if floor := new(big.Int).Div(want.Num(), want.Denom()).String(); n.Floor() != floor {
			t.Errorf("%s is at least %s, not %s", in, n.Floor(), floor)
		}
		for _, other := range texts {
			if m := parseNumber(other); n.Compare(m) != want.Cmp(exact(json.Number(other))) {
				t.Errorf("%s and %s compare as %d", in, other, n.Compare(m))
			}
		}
	}
	for _, n := range []int64{0, 1, -1, 1e9, math.MaxInt64, math.MinInt64} {
		if got := Whole(n).Rat(); got.Cmp(new(big.Rat).SetInt64(n)) != 0 {
			t.Errorf("%d is %s", n, got)
		}
	}
}

func TestWhole(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "-0": 0, "7": 7, "1.0": 1, "1e2": 100, "12.50e1": 125, "-3": -3, "10e-1": 1, "9223372036854775807": math.MaxInt64,
		"9223372036854775808": math.MaxInt64, "1e999999999": math.MaxInt64, "-1e30": math.MinInt64,
	} {
		if got, ok := whole(json.Number(in)); !ok || got != want {
			t.Errorf("%s: %d, %t, want %d", in, got, ok, want)
		}
	}
	for _, in := range []string{"1.5", "0.1", "1e-1", "1e-999999999", "100000000000000000000.5"} {
		if got, ok := whole(json.Number(in)); ok {
			t.Errorf("%s is the integer %d", in, got)
		}
	}
}
