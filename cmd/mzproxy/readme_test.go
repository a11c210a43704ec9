package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"

	"mzproxy/rewrite"
)

const (
	readmeFile   = "../../README.md"
	sqlComment   = "<!-- sql: "
	untilComment = "<!-- until: "
	grammarNote  = "<!-- grammar -->"
	commentEnd   = " -->"
	fence        = "```"
)

// Every example of the README is run as it would be pasted: SQL by psql in front of a demo, and by
// a shell the commands that have output. The comments between them, which readers do not see, move
// the stand-in's world on. With -update the outputs in the README are written anew.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	r := &readmeRun{world: newWorld(t), readme: strings.Split(string(data), "\n")}
	r.psql = startPsql(t, r.env(), "-X", "-q")
	r.psql.send(t, "\\set QUIET off\n")
	r.psql.settle(t)
	for r.at < len(r.readme) {
		r.line(t)
	}
	r.psql.finish(t)
	if r.examples < 9 {
		t.Errorf("only %d examples were found", r.examples)
	}
	compareFile(t, readmeFile, strings.Join(r.written, "\n"))
}

// readmeRun goes through the README line by line and writes it again, with what
// the examples really print.
type readmeRun struct {
	*world
	psql     *psqlProcess
	readme   []string
	at       int
	written  []string
	print    func() string // what the next block of text shows
	examples int
}

// next takes a line over.
func (r *readmeRun) next() string {
	line := r.readme[r.at]
	r.at++
	r.written = append(r.written, line)
	return line
}

func (r *readmeRun) line(t *testing.T) {
	t.Helper()
	line := r.next()
	if query, ok := strings.CutPrefix(line, sqlComment); ok {
		if _, err := r.direct.Exec(t.Context(), strings.TrimSuffix(query, commentEnd)); err != nil {
			t.Fatal(err)
		}
	}
	if query, ok := strings.CutPrefix(line, untilComment); ok {
		r.until(t, strings.TrimSuffix(query, commentEnd))
	}
	switch line {
	case grammarNote:
		r.print = func() string { return strings.Join(rewrite.Grammar(), "\n") }
	case fence + "sql":
		printed := r.sql(t, r.block())
		r.print = func() string { return printed }
	case fence + "sh":
		command := r.block()
		r.print = func() string { return r.shell(t, command) }
	case fence + "text":
		if r.print == nil {
			t.Fatalf("README line %d: output of nothing", r.at)
		}
		r.examples++
		r.output(r.print())
		r.print = nil
	}
}

// block takes the rest of a block over and returns it.
func (r *readmeRun) block() string {
	var block []string
	for line := r.next(); line != fence; line = r.next() {
		block = append(block, line)
	}
	return strings.Join(block, "\n") + "\n"
}

func (r *readmeRun) sql(t *testing.T, statements string) string {
	t.Helper()
	r.psql.out.Reset()
	r.psql.send(t, statements)
	r.psql.settle(t)
	return r.psql.out.String()
}

// shell runs a command as a reader would, the demo's address and the program's place aside.
func (r *readmeRun) shell(t *testing.T, command string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(r.sim.Addr())
	if err != nil {
		t.Fatal(err)
	}
	here := strings.NewReplacer("localhost:6875", "127.0.0.1:"+port, "bin/mzproxy", "mzproxy")
	cmd := exec.CommandContext(t.Context(), "sh", "-c", here.Replace(command))
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// output writes what was printed in the place of what stands in the README.
func (r *readmeRun) output(printed string) {
	for r.readme[r.at] != fence {
		r.at++
	}
	printed = trailing.ReplaceAllString(strings.TrimRight(printed, "\n")+"\n", "\n")
	r.written = append(r.written, strings.Split(strings.TrimSuffix(printed, "\n"), "\n")...)
}

// The README names every flag of serve.
func TestReadmeNamesEveryFlag(t *testing.T) {
	data, err := os.ReadFile(readmeFile)
	if err != nil {
		t.Fatal(err)
	}
	parser, err := newParser(&loaded{}, os.Stdout, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Children {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			if !strings.Contains(string(data), fmt.Sprintf("`--%s`", flag.Name)) {
				t.Errorf("--%s is not in the README", flag.Name)
			}
		}
	}
}
