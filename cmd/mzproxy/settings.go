package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// yamlSettings reads a YAML file of settings: the names of flags, without the
// dashes. It stands behind flags and environment. A key that is no setting is an error that names its
// line.
func yamlSettings(r io.Reader) (kong.Resolver, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fmt.Errorf("%s", yaml.FormatError(err, false, true))
	}
	s := &settingsFile{lines: map[string]int{}, values: map[string]string{}}
	for _, doc := range file.Docs {
		if err := s.read(doc.Body); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// settingsFile resolves flags that neither command line nor environment set.
type settingsFile struct {
	lines  map[string]int
	values map[string]string
}

func (s *settingsFile) read(body ast.Node) error {
	var pairs []*ast.MappingValueNode
	switch n := body.(type) {
	case nil:
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		return fmt.Errorf("line %d: settings are pairs of name and value", body.GetToken().Position.Line)
	}
	for _, pair := range pairs {
		key := pair.Key.GetToken()
		value, err := setting(pair.Value)
		if err != nil {
			return fmt.Errorf("line %d: %s: %w", key.Position.Line, key.Value, err)
		}
		s.lines[key.Value] = key.Position.Line
		s.values[key.Value] = value
	}
	return nil
}

// setting renders a value as it would stand on the command line.
func setting(n ast.Node) (string, error) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.MappingNode:
		return joined(n.Values)
	case *ast.MappingValueNode:
		return joined([]*ast.MappingValueNode{n})
	case ast.ScalarNode:
		return n.GetToken().Value, nil
	}
	return "", fmt.Errorf("a value of this kind is not taken")
}

func joined(pairs []*ast.MappingValueNode) (string, error) {
	var parts []string
	for _, pair := range pairs {
		value, err := setting(pair.Value)
		if err != nil {
			return "", err
		}
		parts = append(parts, pair.Key.GetToken().Value+"="+value)
	}
	return strings.Join(parts, ","), nil
}

// Validate checks that every key is a setting of some command.
func (s *settingsFile) Validate(app *kong.Application) error {
	known := map[string]bool{}
	for _, node := range append([]*kong.Node{app.Node}, app.Children...) {
		for _, flag := range node.Flags {
			known[flag.Name] = true
		}
	}
	var unknown []string
	for key := range s.values {
		if !known[key] {
			unknown = append(unknown, key)
		}
	}
	slices.SortFunc(unknown, func(a, b string) int { return s.lines[a] - s.lines[b] })
	if len(unknown) > 0 {
		return fmt.Errorf("line %d: unknown setting %q", s.lines[unknown[0]], unknown[0])
	}
	return nil
}

// Resolve gives the value of a flag, unless its environment variable is set.
func (s *settingsFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	value, ok := s.values[flag.Name]
	if !ok {
		return nil, nil
	}
	return value, nil
}
