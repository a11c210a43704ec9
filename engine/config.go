package engine

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
)

// Config is a config that satisfied its type's table. Keys that are not there
// give zero values.
type Config struct{ values map[string]any }

// Text returns the value of a text, or the resolved name of a size.
func (c Config) Text(key string) string {
	s, _ := c.values[key].(string)
	return s
}

// Number returns the value of a number, or nil.
func (c Config) Number(key string) *big.Rat {
	n, _ := c.values[key].(*big.Rat)
	return n
}

// Integer returns the value of an integer, or the fallback.
func (c Config) Integer(key string, fallback int64) int64 {
	if i, ok := c.values[key].(int64); ok {
		return i
	}
	return fallback
}

// Bool returns the value of a bool.
func (c Config) Bool(key string) bool {
	b, _ := c.values[key].(bool)
	return b
}

// Timestamp returns the value of a timestamp, or nil.
func (c Config) Timestamp(key string) *Timestamp {
	if t, ok := c.values[key].(Timestamp); ok {
		return &t
	}
	return nil
}

// sizeNames resolves the names of sizes that configs hold.
type sizeNames struct {
	offered []Size
	aliases map[string]string
}

func (s sizeNames) resolve(name string) string {
	if real, ok := s.aliases[name]; ok {
		return real
	}
	return name
}

// known tells whether a resolved name is offered; with no sizes known, every
// name that is not empty is.
func (s sizeNames) known(name string) bool {
	if len(s.offered) == 0 {
		return name != ""
	}
	return slices.ContainsFunc(s.offered, func(o Size) bool { return o.Name == name })
}

// parseConfig reads a stored config by its type's table. Keys that the table
// does not have are ignored. fault is one line for people; empty: none.
func parseConfig(info TypeInfo, raw []byte, sizes sizeNames) (config Config, fault string) {
	fields, err := decodeObject(raw)
	if err != nil {
		return Config{}, err.Error()
	}
	config.values = make(map[string]any, len(info.Parameters))
	for _, p := range info.Parameters {
		value, there := fields[p.Name]
		if !there {
			if p.Required {
				return Config{}, p.Name + ": missing"
			}
			continue
		}
		parsed, fault := p.parse(value, sizes)
		if fault != "" {
			return Config{}, fmt.Sprintf("%s: %s", p.Name, fault)
		}
		config.values[p.Name] = parsed
	}
	return config, ""
}

func decodeObject(raw []byte) (map[string]any, error) {
	tree, err := decodeTree(raw)
	if err != nil {
		return nil, err
	}
	fields, ok := tree.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("not an object: %s", abbreviate(tree))
	}
	return fields, nil
}

// parse checks one value of the parameter and gives it its Go form: string,
// *big.Rat, int64, bool or Timestamp.
func (p ParameterInfo) parse(value any, sizes sizeNames) (parsed any, fault string) {
	switch p.Kind {
	case KindSize, KindText:
		text, ok := value.(string)
		switch {
		case !ok:
			return nil, "not a string: " + abbreviate(value)
		case p.Kind == KindSize:
			return p.parseSize(text, sizes)
		case text == "":
			return nil, "empty"
		}
		return text, ""
	case KindNumber, KindInteger:
		n, ok := value.(json.Number)
		if !ok {
			return nil, "not a number: " + abbreviate(value)
		}
		return p.parseNumber(n)
	case KindBool:
		b, ok := value.(bool)
		if !ok {
			return nil, "not true or false: " + abbreviate(value)
		}
		return b, ""
	case KindTimestamp:
		text, _ := value.(string)
		t, err := ParseTimestamp(text)
		if err != nil {
			return nil, "not an RFC 3339 timestamp: " + abbreviate(value)
		}
		return t, ""
	}
	panic("engine: parameter " + p.Name + " has no kind")
}

func (p ParameterInfo) parseSize(text string, sizes sizeNames) (any, string) {
	size := sizes.resolve(text)
	if !sizes.known(size) || p.Listed && len(sizes.offered) == 0 {
		if text == "" {
			return nil, "empty"
		}
		return nil, "unknown size: " + abbreviate(text)
	}
	return size, ""
}

func (p ParameterInfo) parseNumber(n json.Number) (any, string) {
	value := exact(n)
	if p.Kind == KindInteger && !value.IsInt() {
		return nil, "not an integer: " + n.String()
	}
	if !p.inRange(value) {
		return nil, fmt.Sprintf("not %s: %s", p.Least, n)
	}
	if p.Kind == KindInteger {
		i, _ := whole(n)
		return i, ""
	}
	return value, ""
}

func (p ParameterInfo) inRange(value *big.Rat) bool {
	switch p.Least {
	case "":
		return true
	case "> 0":
		return value.Sign() > 0
	case ">= 0":
		return value.Sign() >= 0
	case ">= 1":
		return value.Cmp(big.NewRat(1, 1)) >= 0
	}
	panic("engine: parameter " + p.Name + " has an unknown bound")
}

// abbreviate renders a JSON value for a message, at most some 60 bytes of it.
func abbreviate(value any) string {
	text := []rune(string(canonical(value)))
	if len(text) > 60 {
		text = append(text[:57], '.', '.', '.')
	}
	return string(text)
}
