package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

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
			w.app.client.Touch() // what happened around the proxy is in what it tells next
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
	cmd.Env = append(os.Environ(), append(env, "PAGER=", "LC_ALL=C.UTF-8", "LANGUAGE=", "PGAPPNAME=psql")...)
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
