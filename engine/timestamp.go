package engine

import (
	"fmt"
	"math/big"
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

// ParseTimestamp reads an RFC 3339 timestamp with any UTC offset and any
// number of fraction digits. A leap second is the second after it, as for a
// clock that does not know of them. In UTC the year has to be one of the years
// 0000 to 9999, so that it can be written again.
func ParseTimestamp(text string) (Timestamp, error) {
	zone, ok := rfc3339(text)
	if !ok {
		return Timestamp{}, notTimestamp(text)
	}
	written, leap := text, text[17:19] == "60"
	if leap {
		written = text[:17] + "59" + text[19:]
	}
	if text[10] == 't' || text[zone] == 'z' {
		written = strings.ToUpper(written)
	}
	t, err := time.Parse(time.RFC3339, written) // which cuts what comes after the nanoseconds
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
	finer := ""
	if zone > 29 {
		finer = strings.TrimRight(text[29:zone], "0")
	}
	return Timestamp{t, finer}, nil
}

// rfc3339 tells whether a text has the form of an RFC 3339 timestamp, which the package time takes in other forms, too, and
// where its zone begins.
func rfc3339(text string) (zone int, ok bool) {
	const form = "0000-00-00T00:00:00"
	if len(text) < len(form)+1 || !hasForm(strings.Replace(text[:len(form)], "t", "T", 1), form) {
		return 0, false
	}
	zone = len(form)
	if text[zone] == '.' {
		for zone++; zone < len(text) && isDigit(text[zone]); zone++ {
		}
		if zone == len(form)+1 {
			return 0, false
		}
	}
	switch rest := text[zone:]; {
	case rest == "Z" || rest == "z":
		return zone, true
	case hasForm(rest, "+00:00") || hasForm(rest, "-00:00"):
		return zone, rest[1:3] <= "23" && rest[4:] <= "59"
	}
	return 0, false
}

// hasForm tells whether a text is the form, with any digit in the place of a 0.
func hasForm(text, form string) bool {
	if len(text) != len(form) {
		return false
	}
	for i := range len(form) {
		if text[i] != form[i] && (form[i] != '0' || !isDigit(text[i])) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

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
func (t Timestamp) Since(u Timestamp) Number {
	seconds := t.Unix() - u.Unix()
	if t.finer == "" && u.finer == "" && seconds > -billion && seconds < billion {
		return Number{billionths: seconds*billion + int64(t.Nanosecond()-u.Nanosecond())}
	}
	exactly := new(big.Rat).SetInt64(seconds)
	return Number{rat: exactly.Add(exactly, new(big.Rat).Sub(t.fraction(), u.fraction()))}
}

// Add returns t plus some seconds, rounded up to the next nanosecond; the far
// future (more than 200 years away) is the zero Timestamp and false.
func (t Timestamp) Add(seconds Number) (Timestamp, bool) {
	const limit = 200 * 365 * 24 * time.Hour
	if t.finer == "" && seconds.rat == nil {
		d := time.Duration(seconds.billionths)
		if d > limit || d < -limit {
			return Timestamp{}, false
		}
		return At(t.Time.Add(d).UTC()), true
	}
	sum := new(big.Rat).Add(t.fraction(), seconds.Rat())
	sum.Mul(sum, big.NewRat(int64(time.Second), 1))
	nanos, rest := new(big.Int).QuoRem(sum.Num(), sum.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		nanos.Add(nanos, big.NewInt(1))
	}
	if nanos.CmpAbs(big.NewInt(int64(limit))) > 0 {
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
