package pgtext

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Interval is a value of type interval: months and days are not a number of microseconds, for they differ in length.
type Interval struct {
	Months, Days int32
	Micros       int64
}

const (
	microsOfSecond = 1_000_000
	microsOfDay    = 24 * 3600 * microsOfSecond
)

// units are the parts of an interval.
var units = map[string]struct {
	months, days float64
	micros       float64
}{
	"year": {months: 12}, "y": {months: 12}, "mon": {months: 1}, "month": {months: 1},
	"week": {days: 7}, "w": {days: 7}, "day": {days: 1}, "d": {days: 1},
	"hour": {micros: 3600e6}, "h": {micros: 3600e6}, "minute": {micros: 60e6}, "min": {micros: 60e6}, "m": {micros: 60e6},
	"second": {micros: 1e6}, "sec": {micros: 1e6}, "s": {micros: 1e6}, "millisecond": {micros: 1e3}, "ms": {micros: 1e3}, "": {micros: 1e6},
}

// ParseInterval reads an interval: pairs of number and unit, apart or together, and hours and minutes with a colon, as in
// "2 hours 30 minutes", "1h30m", "1 day", "1:30", "1 year 2 mons -04:05:06.7". A number alone is seconds. Parts of a day are hours, parts of a month days.
func ParseInterval(text string) (Interval, bool) {
	var months, days, size float64 // size is about micros
	var micros int64
	rest := strings.TrimSpace(strings.ToLower(text))
	for first := true; first || rest != ""; first = false {
		var number string
		number, rest = cutWhile(rest, func(r rune) bool { return unicode.IsDigit(r) || strings.ContainsRune("+-.:", r) })
		if strings.Contains(number, ":") {
			clock, ok := clockMicros(number)
			if !ok {
				return Interval{}, false
			}
			micros, size = micros+clock, size+float64(clock)
			rest = strings.TrimLeft(rest, " ,")
			continue
		}
		n, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return Interval{}, false
		}
		var name string
		name, rest = cutWhile(strings.TrimLeft(rest, " "), unicode.IsLetter)
		unit, ok := units[name]
		if !ok {
			unit, ok = units[strings.TrimSuffix(name, "s")]
		}
		if !ok || name == "" && (!first || rest != "") {
			return Interval{}, false
		}
		wholeMonths, partOfMonth := math.Modf(n * unit.months)
		wholeDays, partOfDay := math.Modf(n*unit.days + 30*partOfMonth)
		part := math.Round(n*unit.micros + partOfDay*microsOfDay)
		months, days, micros, size = months+wholeMonths, days+wholeDays, micros+int64(part), size+part
		rest = strings.TrimLeft(rest, " ,")
	}
	if !(math.Abs(months) <= math.MaxInt32 && math.Abs(days) <= math.MaxInt32 && math.Abs(size) < math.MaxInt64) {
		return Interval{}, false
	}
	return Interval{int32(months), int32(days), micros}, true
}

// cutWhile cuts off the front of a text what fits.
func cutWhile(text string, fits func(rune) bool) (front, rest string) {
	n := strings.IndexFunc(text, func(r rune) bool { return !fits(r) })
	if n < 0 {
		n = len(text)
	}
	return text[:n], text[n:]
}

// clockMicros reads [-]hh:mm[:ss[.ffffff]].
func clockMicros(text string) (int64, bool) {
	sign := int64(1)
	if strings.HasPrefix(text, "-") {
		sign = -1
	}
	parts := strings.Split(strings.TrimLeft(text, "+-"), ":")
	if len(parts) > 3 {
		return 0, false
	}
	hours, err := strconv.ParseInt(parts[0], 10, 32)
	if err != nil || hours < 0 {
		return 0, false
	}
	minutes, err := strconv.ParseInt(parts[1], 10, 32)
	if err != nil || minutes < 0 || minutes > 59 {
		return 0, false
	}
	seconds := 0.0
	if len(parts) == 3 {
		if seconds, err = strconv.ParseFloat(parts[2], 64); err != nil || seconds < 0 || seconds >= 60 {
			return 0, false
		}
	}
	return sign * (hours*3600e6 + minutes*60e6 + int64(math.Round(seconds*microsOfSecond))), true
}

// Duration is the interval's length in time, where a day has 24 hours. It reports false if it has months or is too long.
func (i Interval) Duration() (time.Duration, bool) {
	micros := float64(i.Days)*microsOfDay + float64(i.Micros)
	if i.Months != 0 || math.Abs(micros) >= math.MaxInt64/1000 {
		return 0, false
	}
	return time.Duration(i.Days)*24*time.Hour + time.Duration(i.Micros)*time.Microsecond, true
}
