package rewrite

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
)

var units = map[string]time.Duration{
	"s": time.Second, "sec": time.Second, "second": time.Second,
	"m": time.Minute, "min": time.Minute, "minute": time.Minute,
	"h": time.Hour, "hour": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour,
}

// ParseInterval reads an interval of pairs of number and unit, as in "2 hours
// 30 minutes", "1h30m" or "1 day". It has to be above zero.
func ParseInterval(text string) (time.Duration, error) {
	invalid := fmt.Errorf("invalid input syntax for type interval: %q", text)
	rest := strings.TrimSpace(lower(text))
	var sum time.Duration
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsDigit(r) && r != '.' })
		if n <= 0 {
			return 0, invalid
		}
		number, err := strconv.ParseFloat(rest[:n], 64)
		rest = strings.TrimLeft(rest[n:], " ")
		end := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsLetter(r) })
		if end < 0 {
			end = len(rest)
		}
		unit, ok := units[rest[:end]]
		if !ok {
			unit, ok = units[strings.TrimSuffix(rest[:end], "s")]
		}
		if err != nil || !ok || number > 1e6 {
			return 0, invalid
		}
		sum += time.Duration(number * float64(unit))
		rest = strings.TrimLeft(rest[end:], " ,")
	}
	if sum <= 0 {
		return 0, invalid
	}
	return sum, nil
}

// parseTimestamp reads the forms of a timestamp that people type; without an
// offset it is UTC.
func parseTimestamp(text string) (time.Time, error) {
	for _, layout := range []string{
		time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", "2006-01-02T15:04:05.999999999Z07",
		"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04", "2006-01-02",
	} {
		if t, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("invalid input syntax for type timestamp with time zone: %q", text)
}
