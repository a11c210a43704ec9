package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// interruptDirective stands in front of the last line of a script, which goes on until Ctrl-C: the
// test sends it after so many lines with the text in them.
const interruptDirective = "-- interrupt after "

// versionDirective stands in front of a script for a server of another version than the latest.
const versionDirective = "-- version "

// demoFor is the demo that a script asks for.
func demoFor(script string) demoCmd {
	c := fastDemo
	if rest, ok := strings.CutPrefix(script, versionDirective); ok {
		c.version, _, _ = strings.Cut(rest, "\n")
	}
	return c
}

// Every NAME.sql of testdata/psql (the SQL surface) and testdata/transcripts (whole
// scenarios), fed to a real psql in front of a fresh demo, gives NAME.out.
func TestPsql(t *testing.T) {
	t.Parallel()
	var scripts []string
	for _, folder := range []string{"psql", "transcripts"} {
		found, err := filepath.Glob("../../testdata/" + folder + "/*.sql")
		if err != nil || len(found) == 0 {
			t.Fatalf("no scripts in %s: %v", folder, err)
		}
		scripts = append(scripts, found...)
	}
	for _, file := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".sql"), func(t *testing.T) {
			script, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorldWith(t, demoFor(string(script)))
			head, tail, interrupted := strings.Cut(string(script), interruptDirective)
			got := ""
			if interrupted {
				got = w.replayInterrupted(t, head, tail)
			} else {
				got = w.replay(t, head)
			}
			compareFile(t, strings.TrimSuffix(file, ".sql")+".out", masked(got))
		})
	}
}

// replayInterrupted is replay of a script that ends in a statement that does not end. tail is
// "N: TEXT", and on its next line the statement.
func (w *world) replayInterrupted(t *testing.T, script, tail string) string {
	t.Helper()
	var n int
	var text string
	condition, statement, _ := strings.Cut(tail, "\n")
	if _, err := fmt.Sscanf(condition, "%d: %s", &n, &text); err != nil {
		t.Fatalf("%s%s: %v", interruptDirective, condition, err)
	}
	p := startPsql(t, w.env(), "-X", "-a", "-q", "-v", "ON_ERROR_STOP=0")
	p.send(t, "\\set QUIET off\n")
	p.settle(t)
	p.out.Reset()
	p.send(t, script)
	p.settle(t)
	p.send(t, statement)
	for n > 0 {
		line, err := p.lines.ReadString('\n')
		p.out.WriteString(line)
		if err != nil {
			t.Fatalf("psql: %v\n%s", err, p.out.String())
		}
		if strings.Contains(line, text) && !strings.Contains(line, "\\watch") {
			n--
		}
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.finish(t)
	return strings.ReplaceAll(p.out.String(), "Cancel request sent\n", "") // if a query was running
}
