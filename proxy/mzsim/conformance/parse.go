package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// ReadDir reads all case files of a folder, in the order of their names.
func ReadDir(dir string) ([]*Case, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no case files in %s: %w", dir, cmp.Or(err, os.ErrNotExist))
	}
	var all []*Case
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read cases: %w", err)
		}
		cases, err := Parse(filepath.Base(file), string(text))
		if err != nil {
			return nil, err
		}
		all = append(all, cases...)
	}
	return all, nil
}

// Parse reads the text of a case file.
func Parse(file, text string) ([]*Case, error) {
	p := &reader{file: file, names: map[string]bool{}}
	for line := range strings.Lines(text) {
		p.line++
		if err := p.read(strings.TrimRight(line, " \t\r\n")); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, p.line, err)
		}
	}
	if err := p.finish(); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return p.cases, nil
}

// reader is where the parser stands.
type reader struct {
	file  string
	line  int
	names map[string]bool
	cases []*Case
	open  bool // the text of the last step may go on
}

var stepHead = regexp.MustCompile(`^([a-z_]+)(?: \(([a-z]+)\))?>(?: (.*))?$`)

const indent = "    "

func (p *reader) read(line string) error {
	name, isName := strings.CutPrefix(line, "==== ")
	if isName {
		return p.begin(name)
	}
	if line == "" || strings.HasPrefix(line, "#") && !p.open {
		p.open = false
		return nil
	}
	if len(p.cases) == 0 {
		return errors.New("no case has begun: ==== NAME")
	}
	c := p.cases[len(p.cases)-1]
	if m := stepHead.FindStringSubmatch(line); m != nil {
		if !modes[m[2]] {
			return fmt.Errorf("unknown mode %q", m[2])
		}
		c.Steps = append(c.Steps, Step{Line: p.line, Session: m[1], Mode: m[2], Text: m[3]})
		p.open = true
		return nil
	}
	if len(c.Steps) == 0 {
		return c.head(line)
	}
	s := &c.Steps[len(c.Steps)-1]
	if want, ok := strings.CutPrefix(line, indent); ok {
		s.Want = append(s.Want, want)
		p.open = false
		return nil
	}
	if !p.open {
		return fmt.Errorf("%q is neither a step nor an answer", line)
	}
	s.Text += "\n" + line
	return nil
}

// begin starts a case.
func (p *reader) begin(name string) error {
	if err := p.finish(); err != nil {
		return err
	}
	if p.names[name] {
		return fmt.Errorf("there are two cases %q", name)
	}
	p.names[name], p.open = true, false
	p.cases = append(p.cases, &Case{File: p.file, Line: p.line, Name: name})
	return nil
}

// finish looks whether the last case is whole.
func (p *reader) finish() error {
	if len(p.cases) == 0 {
		return nil
	}
	c := p.cases[len(p.cases)-1]
	switch {
	case c.Source == "":
		return fmt.Errorf("case %q has no source", c.Name)
	case len(c.Steps) == 0 && c.Unable == "":
		return fmt.Errorf("case %q has no steps", c.Name)
	}
	for _, s := range c.Steps {
		if len(s.Want) == 0 && s.Mode != modeWaits {
			return fmt.Errorf("case %q, line %d: no answer", c.Name, s.Line)
		}
	}
	return nil
}

// head reads a line between the name of a case and its first step.
func (c *Case) head(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	reasons := map[string]*string{"source": &c.Source, "unable": &c.Unable, "standin": &c.StandIn, "ours": &c.Ours, "pending": &c.Pending}
	lists := map[string]*[]string{"option": &c.Options, "setup": &c.Setup, "cleanup": &c.Cleanup}
	flags := map[string]func(){
		"superuser": func() { c.Superuser = true },
		"brief":     func() { c.Brief = true },
		"simple":    func() { c.Protocol = modeSimple },
		"extended":  func() { c.Protocol = modeExtended },
	}
	switch {
	case reasons[word] != nil && rest != "":
		*reasons[word] = rest
	case lists[word] != nil && rest != "":
		*lists[word] = append(*lists[word], rest)
	case flags[word] != nil && rest == "":
		flags[word]()
	default:
		return fmt.Errorf("unknown line %q", line)
	}
	return nil
}
