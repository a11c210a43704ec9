package mirror

import (
	"errors"
	"fmt"
	"time"

	"mzproxy/engine"
)

// Times of rows that anybody may have written are read as text: the types of the server hold more than a time.Time does,
// and one such value must not keep the other rows from being read.
var momentLayouts = []string{"2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z07:00:00"}

var errNoMoment = errors.New("not a moment of the years 0 to 9999")

// ParseMoment reads the text of a timestamptz.
func ParseMoment(text string) (engine.Timestamp, error) {
	for _, layout := range momentLayouts {
		t, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if t = t.UTC(); t.Year() >= 0 && t.Year() <= 9999 {
			return engine.At(t), nil
		}
	}
	if len(text) > 60 {
		text = text[:60]
	}
	return engine.Timestamp{}, fmt.Errorf("%w: %q", errNoMoment, text)
}

// MomentOr is the time that a text stands for, or another one where it stands for none; NULL is nil.
func MomentOr(text *string, other *time.Time) *time.Time {
	if text == nil {
		return nil
	}
	t, err := ParseMoment(*text)
	if err != nil {
		return other
	}
	return &t.Time
}

// orEmpty is "" for NULL.
func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
