package main

import (
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected output of transcripts")

// What differs from run to run, and the digits in it.
var varying = []struct{ pattern, digits *regexp.Regexp }{
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), regexp.MustCompile(`[0-9a-f]`)},
	{regexp.MustCompile(`\b(\d{4}-\d\d-\d\d[ T])?\d\d:\d\d:\d\d(\.\d+)?(\+00|Z| UTC)`), decimal},
	{regexp.MustCompile(`\b(\d+ |(\d+h)?(\d+m)?\d+)s ago`), decimal},
	{regexp.MustCompile(`\b(in the|idle for) \d+s\b`), decimal},
}

var decimal = regexp.MustCompile(`\d`)

// masked puts a # in the place of every digit that differs from run to run: a golden file holds
// none of them, and its tables stay aligned.
func masked(output string) string {
	for _, v := range varying {
		output = v.pattern.ReplaceAllStringFunc(output, func(match string) string {
			if chosen(match) {
				return match
			}
			value, zone := strings.CutSuffix(match, "+00")
			value = v.digits.ReplaceAllString(value, "#")
			if zone {
				value += "+00"
			}
			return value
		})
	}
	return output
}

// chosen tells whether a script asked for that moment: it is more than a year away.
func chosen(moment string) bool {
	if len(moment) < len(time.DateOnly) {
		return false
	}
	day, err := time.Parse(time.DateOnly, moment[:len(time.DateOnly)])
	return err == nil && time.Since(day).Abs() > 366*24*time.Hour
}

var trailing = regexp.MustCompile(`[ \t]+\n`)

// How much of the masked text there is differs, too, and a table is as wide as its widest cell.
var widths = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{trailing, "\n"},
	{regexp.MustCompile(`--+`), "--"},
	{regexp.MustCompile(`  +`), "  "},
	{regexp.MustCompile(`#+`), "#"},
	{regexp.MustCompile(`#:#:#\.#`), "#:#:#"},           // zeros at the end of a fraction are not shown
	{regexp.MustCompile(`#-#-# (#:#:# UTC)`), "$1"},     // nor is the day if it is today
	{regexp.MustCompile(`(#h)?(#m)?#s ago`), "# s ago"}, // from a minute on
	{regexp.MustCompile(` ?\w*\.\.\. \|`), "... |"},     // the digits in front decide where a cell is cut
}

// steady takes out of an output what differs from run to run.
func steady(output string) string {
	output = masked(output)
	for _, w := range widths {
		output = w.pattern.ReplaceAllString(output, w.instead)
	}
	return output
}

// compareFile compares with a file of expected output, what differs from run to run aside, or
// rewrites it if it differs.
func compareFile(t *testing.T, file, got string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil && !*update {
		t.Fatal(err)
	}
	diff := cmp.Diff(steady(string(want)), steady(got))
	switch {
	case diff == "":
	case *update:
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("%s differs (-want +got; -update rewrites it):\n%s", file, diff)
	}
}
