package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Every testdata/transcripts/NAME.sql, fed to a real psql in front of a fresh
// demo, gives NAME.out.
func TestTranscripts(t *testing.T) {
	scripts, err := filepath.Glob("../../testdata/transcripts/*.sql")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sql"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t)
			compareFile(t, strings.TrimSuffix(file, ".sql")+".out", w.replay(t, string(script)))
		})
	}
}
