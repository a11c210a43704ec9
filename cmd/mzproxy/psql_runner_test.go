package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected output of transcripts")

// untilDirective stands in a script where psql waits for the world: the test
// goes on when the query of one bool behind it is true. It is asked around the
// proxy, so that no statement wakes anything.
const untilDirective = "-- until "

// replay feeds a script to a real psql, which is connected through the proxy,
// and returns what a user sees: the script with its output in place.
func (w *world) replay(t *testing.T, script string, args ...string) string {
	t.Helper()
	p := startPsql(t, w.env(), append([]string{"-X", "-a", "-q", "-v", "ON_ERROR_STOP=0"}, args...)...)
	p.send(t, "\\set QUIET off\n")
	p.settle(t)
	p.out.Reset()
	for line := range strings.Lines(script) {
		p.send(t, line)
		if query, ok := strings.CutPrefix(line, untilDirective); ok {
			p.settle(t)
			w.until(t, strings.TrimSpace(query))
		}
	}
	p.finish(t)
	return p.out.String()
}

// psqlProcess is a psql that reads from a pipe. Its output and its errors go to
// one file, in order.
type psqlProcess struct {
	cmd   *exec.Cmd
	in    *os.File
	lines *bufio.Reader
	out   bytes.Buffer
	marks int
}

func startPsql(t *testing.T, env []string, args ...string) *psqlProcess {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "psql", args...)
	cmd.Env = append(os.Environ(), append(env, "PAGER=", "LC_ALL=C.UTF-8", "PGAPPNAME=psql")...)
	inRead, inWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outRead, outWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = inRead, outWrite, outWrite
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = inRead.Close(), outWrite.Close()
	t.Cleanup(func() { _, _ = inWrite.Close(), outRead.Close() })
	return &psqlProcess{cmd: cmd, in: inWrite, lines: bufio.NewReader(outRead)}
}

func (p *psqlProcess) send(t *testing.T, text string) {
	t.Helper()
	if _, err := p.in.WriteString(text); err != nil {
		t.Fatalf("psql: %v\n%s", err, p.out.String())
	}
}

// settle waits until psql has done all that it was sent.
func (p *psqlProcess) settle(t *testing.T) {
	t.Helper()
	p.marks++
	mark := fmt.Sprintf("mark-%d", p.marks)
	p.send(t, "\\echo "+mark+"\n")
	for {
		line, err := p.lines.ReadString('\n')
		if err != nil {
			t.Fatalf("psql: %v\n%s%s", err, p.out.String(), line)
		}
		switch strings.TrimSpace(line) {
		case "\\echo " + mark: // the echo of the command itself
		case mark:
			return
		default:
			p.out.WriteString(line)
		}
	}
}

func (p *psqlProcess) finish(t *testing.T) {
	t.Helper()
	_ = p.in.Close()
	if _, err := p.lines.WriteTo(&p.out); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // its status tells of the last statement only
}

// What differs from run to run, and what stands in its place.
var varying = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`), "<uuid>"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(\+00|Z)`), "<timestamp>"},
	{regexp.MustCompile(`\b(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d UTC`), "<time> UTC"}, // the day stands there if it is not today
	{regexp.MustCompile(`\b\d+ s ago`), "<n> s ago"},
	{regexp.MustCompile(`\b(in the|idle for) \d+s\b`), "$1 <n>s"},
}

// Tables are as wide as their widest cell, so that what differs moves the rest.
var (
	trailing = regexp.MustCompile(`[ \t]+\n`)
	rules    = regexp.MustCompile(`--+`)
	gaps     = regexp.MustCompile(`  +`)
)

// steady takes out of an output what differs from run to run.
func steady(output string) string {
	for _, v := range varying {
		output = v.pattern.ReplaceAllString(output, v.instead)
	}
	output = trailing.ReplaceAllString(output, "\n")
	return gaps.ReplaceAllString(rules.ReplaceAllString(output, "--"), "  ")
}

// compareFile compares with a golden file, what differs from run to run aside,
// or rewrites it if it differs.
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
