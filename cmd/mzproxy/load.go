package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// loaded is a command line with what stands behind it: environment, file, defaults.
type loaded struct {
	cli
	context *kong.Context
	file    *settingsFile // nil: there is none
	ended   bool          // it said something, as --help does, and that is all
	status  int           // in which that ends
}

// load reads a command line. What is wrong in a file is an error that names the place.
func load(args []string, stdout, stderr io.Writer) (*loaded, error) {
	l := &loaded{}
	parser, err := newParser(l, stdout, stderr)
	if err != nil {
		return nil, err
	}
	l.context, err = parser.Parse(args)
	if l.ended {
		return l, nil
	}
	return l, err
}

func newParser(l *loaded, stdout, stderr io.Writer) (parser *kong.Kong, err error) {
	parser, err = kong.New(&l.cli,
		kong.Name("mzproxy"),
		kong.Description("A proxy in front of Materialize: scaling strategies for clusters, managed with plain SQL."),
		kong.Vars{"version": versionLine()},
		kong.Writers(stdout, stderr),
		kong.Exit(func(status int) {
			if !l.ended {
				l.ended, l.status = true, status
			}
		}),
		kong.DefaultEnvars("MZPROXY"),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Configuration(func(r io.Reader) (kong.Resolver, error) {
			l.file, err = yamlSettings(r, parser.Model)
			return l.file, err
		}),
	)
	return parser, err
}

// place says where the value of a setting comes from: file with line and column, variable, or flag.
func (l *loaded) place(name string) string {
	for _, path := range l.context.Path {
		if path.Flag != nil && path.Flag.Name == name && !path.Resolved {
			return "--" + name
		}
	}
	for _, flag := range l.flags() {
		if flag.Name != name {
			continue
		}
		for _, env := range flag.Envs {
			if _, set := os.LookupEnv(env); set {
				return env
			}
		}
	}
	if l.file != nil {
		if pair, ok := l.file.pairs[name]; ok {
			return l.file.place(pair.at)
		}
	}
	return "default"
}

// flags are those of the program and of the command that was chosen.
func (l *loaded) flags() []*kong.Flag { return slices.Concat(l.context.Flags()) }

// settingError is what is wrong with the value of a setting.
type settingError struct {
	name  string
	place string // file with line and column, or variable; empty: the flag
	err   error
}

func (e *settingError) Error() string {
	if e.place == "" {
		return "--" + e.name + ": " + e.err.Error()
	}
	return e.place + ": " + e.name + ": " + e.err.Error()
}

func (e *settingError) Unwrap() error { return e.err }

// wrong says that a setting is at fault.
func wrong(name string, err error) error { return &settingError{name: name, err: err} }

// placed says of an error about a setting where its value stands.
func (l *loaded) placed(err error) error {
	var e *settingError
	if !errors.As(err, &e) {
		return err
	}
	if place := l.place(e.name); place != "--"+e.name && place != "default" {
		return &settingError{e.name, place, e.err}
	}
	return err
}

// changedSettings are the names of the settings whose values differ, sorted.
func changedSettings(before, after *loaded) []string {
	old := before.values()
	var names []string
	for name, value := range after.values() {
		if old[name] != value {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// values are the settings of the command as they count, secrets included, by name.
func (l *loaded) values() map[string]string {
	values := map[string]string{}
	for _, flag := range l.flags() {
		values[flag.Name] = rendered(flag.Target.Interface())
	}
	return values
}

// rendered is a value as it would stand on the command line.
func rendered(value any) string {
	switch v := value.(type) {
	case map[string]string:
		var parts string
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				parts += ","
			}
			parts += key + "=" + v[key]
		}
		return parts
	case []string:
		return strings.Join(v, ",")
	case fmt.Stringer:
		return v.String()
	}
	return fmt.Sprint(value)
}
