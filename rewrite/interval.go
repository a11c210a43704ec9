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
// 30 minutes", "1h30m", "1 day" or "1:30". It has to be above zero.
func ParseInterval(text string) (time.Duration, error) {
	invalid := fmt.Errorf(`invalid input syntax for type interval: "%s"`, text)
	rest := strings.TrimSpace(lower(text))
	if d, ok := clock(rest); ok && d > 0 {
		return d, nil
	}
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

// clock reads hours and minutes, and perhaps seconds: 1:30 or 01:30:00.
func clock(text string) (time.Duration, bool) {
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return 0, false
	}
	var sum time.Duration
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil || i > 0 && n > 59 {
			return 0, false
		}
		sum += time.Duration(n) * []time.Duration{time.Hour, time.Minute, time.Second}[i]
	}
	return sum, true
}

var timestampLayouts = []string{
	time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999Z07", "2006-01-02T15:04:05.999999999Z07",
	"2006-01-02 15:04:05.999999999 MST", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999",
	"2006-01-02 15:04Z07:00", "2006-01-02 15:04Z07", "2006-01-02 15:04 MST", "2006-01-02 15:04", "2006-01-02",
}

// ParseTimestamp reads the forms of a timestamp that people type; without an
// offset it is of the zone (nil: UTC).
func ParseTimestamp(text string, zone *time.Location) (time.Time, error) {
	if zone == nil {
		zone = time.UTC
	}
	text = strings.TrimSpace(text)
	for _, layout := range timestampLayouts {
		t, err := time.ParseInLocation(layout, text, zone)
		if name, offset := t.Zone(); err == nil && (offset != 0 || name == "UTC" || name == "" || t.Location() == zone) {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf(`invalid input syntax for type timestamp with time zone: "%s"`, text)
}
