package engine

import (
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Timestamp is a moment with any number of fraction digits. What a time.Time
// cannot hold, the digits after the nanoseconds, is kept beside it, so that
// durations compare exactly.
type Timestamp struct {
	time.Time
	finer string // digits after the ninth, without trailing zeros
}

// At makes a Timestamp of a time.
func At(t time.Time) Timestamp { return Timestamp{Time: t} }

var rfc3339 = regexp.MustCompile(`^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+-](\d\d):(\d\d))$`)

// ParseTimestamp reads an RFC 3339 timestamp with any UTC offset and any
// number of fraction digits. A leap second is the second after it, as for a
// clock that does not know of them. In UTC the year has to be one of the years
// 0000 to 9999, so that it can be written again.
func ParseTimestamp(text string) (Timestamp, error) {
	m := rfc3339.FindStringSubmatch(text)
	if m == nil || m[5] > "23" || m[6] > "59" {
		return Timestamp{}, notTimestamp(text)
	}
	second, leap := m[2], m[2] == "60"
	if leap {
		second = "59"
	}
	t, err := time.Parse(time.RFC3339, strings.ToUpper(m[1]+second+m[4]))
	if err != nil {
		return Timestamp{}, notTimestamp(text)
	}
	t = t.UTC()
	if leap {
		if t = t.Add(time.Second); t.Format("02 15:04:05") != "01 00:00:00" { // they end a month
			return Timestamp{}, notTimestamp(text)
		}
	}
	if t.Year() < 0 || t.Year() > 9999 {
		return Timestamp{}, fmt.Errorf("not in the years 0000 to 9999 of UTC: %s", abbreviate(text))
	}
	digits := (m[3] + "000000000")[:9]
	nanos, _ := strconv.Atoi(digits)
	finer := ""
	if len(m[3]) > 9 {
		finer = strings.TrimRight(m[3][9:], "0")
	}
	return Timestamp{t.Add(time.Duration(nanos)), finer}, nil
}

func notTimestamp(text string) error {
	return fmt.Errorf("not an RFC 3339 timestamp: %s", abbreviate(text))
}

// String is RFC 3339 in UTC, with a fraction only if it is not zero and
// without trailing zeros.
func (t Timestamp) String() string {
	text := t.UTC().Format("2006-01-02T15:04:05")
	fraction := strings.TrimRight(fmt.Sprintf("%09d%s", t.Nanosecond(), t.finer), "0")
	if fraction != "" {
		text += "." + fraction
	}
	return text + "Z"
}

// Compare is negative if t is before u, positive if it is after.
func (t Timestamp) Compare(u Timestamp) int {
	if c := t.Time.Compare(u.Time); c != 0 {
		return c
	}
	return strings.Compare(t.finer, u.finer)
}

// Since returns the seconds from u to t, exactly.
func (t Timestamp) Since(u Timestamp) *big.Rat {
	seconds := new(big.Rat).SetInt64(t.Unix() - u.Unix())
	return seconds.Add(seconds, new(big.Rat).Sub(t.fraction(), u.fraction()))
}

// Add returns t plus some seconds, rounded up to the next nanosecond; the far
// future (more than 200 years away) is the zero Timestamp and false.
func (t Timestamp) Add(seconds *big.Rat) (Timestamp, bool) {
	sum := new(big.Rat).Add(t.fraction(), seconds)
	sum.Mul(sum, big.NewRat(int64(time.Second), 1))
	nanos, rest := new(big.Int).QuoRem(sum.Num(), sum.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		nanos.Add(nanos, big.NewInt(1))
	}
	limit := big.NewInt(int64(200 * 365 * 24 * time.Hour))
	if nanos.CmpAbs(limit) > 0 {
		return Timestamp{}, false
	}
	return At(time.Unix(t.Unix(), 0).Add(time.Duration(nanos.Int64())).UTC()), true
}

func (t Timestamp) fraction() *big.Rat {
	if t.finer == "" {
		return big.NewRat(int64(t.Nanosecond()), int64(time.Second))
	}
	r, _ := new(big.Rat).SetString(fmt.Sprintf("0.%09d%s", t.Nanosecond(), t.finer))
	return r
}
