package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"mzproxy/engine"
)

// yamlSettings reads a YAML file of settings: the names of flags, without the
// dashes. It stands behind flags and environment. What is wrong in it is an error that names file, line and column.
func yamlSettings(r io.Reader, app *kong.Application) (*settingsFile, error) {
	s := &settingsFile{name: "settings", pairs: map[string]settingPair{}}
	if named, ok := r.(interface{ Name() string }); ok {
		s.name = named.Name()
	}
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	var fault yaml.Error
	switch {
	case errors.As(err, &fault) && fault.GetToken() != nil:
		return nil, s.fault(fault.GetToken(), "%s", fault.GetMessage())
	case err != nil:
		return nil, fmt.Errorf("%s: %s", s.name, yaml.FormatError(err, false, false))
	}
	for _, doc := range file.Docs {
		if err := s.read(doc.Body); err != nil {
			return nil, err
		}
	}
	return s, s.check(app)
}

// settingsFile resolves flags that neither command line nor environment set.
type settingsFile struct {
	name  string
	pairs map[string]settingPair
}

// settingPair is a setting as it stands in a file.
type settingPair struct {
	key, at *token.Token // of the name, and of the value
	value   string       // as it would stand on the command line
	list    bool         // it is a list
}

// fault is an error about a place in the file.
func (s *settingsFile) fault(at *token.Token, format string, args ...any) error {
	return fmt.Errorf("%s: %s", s.place(at), fmt.Sprintf(format, args...))
}

func (s *settingsFile) place(at *token.Token) string {
	return fmt.Sprintf("%s:%d:%d", s.name, at.Position.Line, at.Position.Column)
}

func (s *settingsFile) read(body ast.Node) error {
	var pairs []*ast.MappingValueNode
	switch n := body.(type) {
	case nil, *ast.CommentGroupNode:
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		return s.fault(body.GetToken(), "settings are pairs of name and value")
	}
	for _, pair := range pairs {
		key := pair.Key.GetToken()
		at := pair.Value.GetToken()
		if m, ok := pair.Value.(*ast.MappingValueNode); ok { // whose own token is the colon
			at = m.Key.GetToken()
		}
		value, ok := setting(pair.Value)
		items, list := pair.Value.(*ast.SequenceNode)
		if list {
			value, ok = listed(items.Values)
		}
		if !ok {
			return s.fault(at, "setting %q: a value of this kind is not taken", key.Value)
		}
		s.pairs[key.Value] = settingPair{key, at, value, list}
	}
	return nil
}

// setting renders a value as it would stand on the command line.
func setting(n ast.Node) (value string, ok bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.MappingNode:
		return joined(n.Values)
	case *ast.MappingValueNode:
		return joined([]*ast.MappingValueNode{n})
	case *ast.NullNode:
		return "", true
	case ast.ScalarNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// listed renders a list.
func listed(items []ast.Node) (string, bool) {
	var parts []string
	for _, item := range items {
		value, ok := setting(item)
		if !ok || strings.Contains(value, ",") {
			return "", false
		}
		parts = append(parts, value)
	}
	return strings.Join(parts, ","), true
}

func joined(pairs []*ast.MappingValueNode) (string, bool) {
	var parts []string
	for _, pair := range pairs {
		value, ok := setting(pair.Value)
		if !ok {
			return "", false
		}
		parts = append(parts, pair.Key.GetToken().Value+"="+value)
	}
	return strings.Join(parts, ","), true
}

// check finds out whether every key is a setting of some command that takes the value.
func (s *settingsFile) check(app *kong.Application) error {
	known := map[string]*kong.Flag{}
	var names []string
	for _, node := range append([]*kong.Node{app.Node}, app.Children...) {
		for _, flag := range node.Flags {
			if flag.Name != "help" && flag.Name != "version" && flag.Name != "config" {
				known[flag.Name] = flag
				names = append(names, flag.Name)
			}
		}
	}
	keys := make([]string, 0, len(s.pairs))
	for key := range s.pairs {
		keys = append(keys, key)
	}
	slices.SortFunc(keys, func(a, b string) int { return s.pairs[a].key.Position.Offset - s.pairs[b].key.Position.Offset })
	for _, key := range keys {
		pair := s.pairs[key]
		flag := known[key]
		if flag == nil {
			return s.fault(pair.key, "%s", strings.TrimSpace(fmt.Sprintf("unknown setting %q. %s", key, engine.Perhaps(key, names))))
		}
		if pair.list && !flag.IsSlice() {
			return s.fault(pair.at, "setting %q: a list is not taken", key)
		}
		if err := accepts(flag, pair.value); err != nil {
			return s.fault(pair.at, "setting %q: %s", key, err)
		}
	}
	return nil
}

// accepts tells why a flag does not take a value.
func accepts(flag *kong.Flag, value string) error {
	set := flag.Set
	defer func() { flag.Set = set }()
	scratch := reflect.New(flag.Target.Type()).Elem()
	if err := flag.Parse(kong.ScanAsType(kong.FlagValueToken, value), scratch); err != nil {
		return errors.New(strings.TrimPrefix(err.Error(), flag.ShortSummary()+": "))
	}
	if flag.Enum != "" && !slices.Contains(flag.EnumSlice(), value) {
		return fmt.Errorf("%q is none of %s", value, strings.Join(flag.EnumSlice(), ", "))
	}
	return nil
}

// Validate implements kong.Resolver: all is checked before.
func (s *settingsFile) Validate(*kong.Application) error { return nil }

// Resolve gives the value of a flag, unless its environment variable is set.
func (s *settingsFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	for _, env := range flag.Envs {
		if _, set := os.LookupEnv(env); set {
			return nil, nil
		}
	}
	pair, ok := s.pairs[flag.Name]
	if !ok {
		return nil, nil
	}
	return pair.value, nil
}
