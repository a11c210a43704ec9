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
	psqlPrompt   = "materialize=> "
	psqlContinue = "materialize-> "
	shellPrompt  = "$ "
	sqlComment   = "<!-- sql: "
	untilComment = "<!-- until: "
	grammarNote  = "<!-- grammar -->"
	commentEnd   = " -->"
)

// Every example of the README is run: SQL by psql in front of a demo, commands
// by a shell. The comments between them, which readers do not see, move the
// stand-in's world on. With -update the outputs in the README are written anew.
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
	if r.examples < 8 {
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
	grammar  bool // the next block is the grammar
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
	r.grammar = r.grammar || line == grammarNote
	switch {
	case line == "```text" && r.grammar:
		r.grammar = false
		r.examples++
		r.output(strings.Join(rewrite.Grammar(), "\n"))
	case line == "```text" || line == "```console":
		for r.at < len(r.readme) && r.readme[r.at] != "```" {
			r.example(t)
		}
	}
}

// example runs one statement or command and writes what it prints.
func (r *readmeRun) example(t *testing.T) {
	t.Helper()
	line := r.next()
	if command, ok := strings.CutPrefix(line, shellPrompt); ok {
		r.examples++
		r.output(r.shell(t, command))
		return
	}
	statement, ok := strings.CutPrefix(line, psqlPrompt)
	if !ok {
		return
	}
	r.examples++
	for r.at < len(r.readme) && strings.HasPrefix(r.readme[r.at], psqlContinue) {
		statement += "\n" + strings.TrimPrefix(r.next(), psqlContinue)
	}
	r.psql.out.Reset()
	r.psql.send(t, statement+"\n")
	r.psql.settle(t)
	r.output(r.psql.out.String())
}

// shell runs a command as a reader would, the demo's address aside.
func (r *readmeRun) shell(t *testing.T, command string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(r.sim.Addr())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(command, "localhost:6875", "127.0.0.1:"+port))
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return string(out)
}

// output writes what was printed in the place of what stands in the README.
func (r *readmeRun) output(printed string) {
	for r.at < len(r.readme) && r.readme[r.at] != "```" && !strings.HasPrefix(r.readme[r.at], psqlPrompt) && !strings.HasPrefix(r.readme[r.at], shellPrompt) {
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
	var c cli
	parser, err := newParser(&c, os.Stdout, os.Stderr, func(int) {})
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
