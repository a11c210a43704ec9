package rewrite

import (
	"fmt"
	"strings"
	"time"

	"mzproxy/rewrite/pgtext"
)

// ParseInterval reads an interval, as in "2 hours
// 30 minutes", "1h30m", "1 day" or "1:30". It has to be above zero, and its length certain.
func ParseInterval(text string) (time.Duration, error) {
	if i, ok := pgtext.ParseInterval(text); ok {
		if d, ok := i.Duration(); ok && d > 0 {
			return d, nil
		}
	}
	return 0, fmt.Errorf(`invalid input syntax for type interval: "%s"`, text)
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
