package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every snapshot of testdata/plans gives its plan, read from a file and from standard input.
func TestPlanCommand(t *testing.T) {
	plans, err := filepath.Glob("../../testdata/plans/*.plan.json")
	if err != nil || len(plans) == 0 {
		t.Fatalf("no plans: %v", err)
	}
	for _, plan := range plans {
		snapshot := strings.TrimSuffix(plan, ".plan.json") + ".json"
		t.Run(filepath.Base(snapshot), func(t *testing.T) {
			data, err := os.ReadFile(snapshot)
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(plan)
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range []string{snapshot, "-"} {
				var stdout, stderr bytes.Buffer
				if status := run([]string{"plan", file}, bytes.NewReader(data), &stdout, &stderr); status != 0 || stderr.Len() > 0 {
					t.Fatalf("%s: status %d, %s", file, status, stderr.String())
				}
				if got, want := compactJSON(t, stdout.Bytes()), compactJSON(t, want); got != want {
					t.Errorf("%s\ngot  %s\nwant %s", file, got, want)
				}
			}
		})
	}
}

// What cannot be used gives status 2, nothing on standard output, and one line that names the place.
func TestPlanCommandRefuses(t *testing.T) {
	for input, place := range map[string]string{
		"":                  "line 1, column 1",
		"{\n]":              "line 2, column 1",
		"\xff":              "line 1, column 1",
		"{} {}":             "line 1, column 4",
		"[]":                "snapshot",
		"{}":                "now",
		`{"now": "\n\r\n"}`: "now",
		`{"now": "2025-06-01T12:00:00Z", "clusters": [{"id": "u1", "name": "a"}, {"id": "u1", "name": "b"}]}`: "clusters[1].id",
	} {
		var stdout, stderr bytes.Buffer
		status := run([]string{"plan", "-"}, strings.NewReader(input), &stdout, &stderr)
		line := stderr.String()
		if status != exitUsage || stdout.Len() > 0 || strings.Count(line, "\n") != 1 || !strings.HasSuffix(line, "\n") || !strings.Contains(line, place) {
			t.Errorf("%q: status %d, stdout %q, stderr %q", input, status, stdout.String(), line)
		}
	}
	var stdout, stderr bytes.Buffer
	if status := run([]string{"plan", filepath.Join(t.TempDir(), "none.json")}, nil, &stdout, &stderr); status != exitUsage || stdout.Len() > 0 || strings.Count(stderr.String(), "\n") != 1 {
		t.Errorf("no file: status %d, stdout %q, stderr %q", status, stdout.String(), stderr.String())
	}
}

func compactJSON(t *testing.T, data []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, data); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
