package engine

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Config is a config that satisfied its type's table. Keys that are not there
// give zero values.
type Config struct{ settings []setting }

// setting is the value of one parameter, in the form of its kind.
type setting struct {
	name    string
	text    string
	number  Number
	integer int64
	yes     bool
	at      *Timestamp
}

func (c Config) setting(key string) (setting, bool) {
	for _, s := range c.settings {
		if s.name == key {
			return s, true
		}
	}
	return setting{}, false
}

// Text returns the value of a text, or the resolved name of a size.
func (c Config) Text(key string) string {
	s, _ := c.setting(key)
	return s.text
}

// Number returns the value of a number, or the fallback.
func (c Config) Number(key string, fallback Number) Number {
	if s, ok := c.setting(key); ok {
		return s.number
	}
	return fallback
}

// Integer returns the value of an integer, or the fallback.
func (c Config) Integer(key string, fallback int64) int64 {
	if s, ok := c.setting(key); ok {
		return s.integer
	}
	return fallback
}

// Bool returns the value of a bool.
func (c Config) Bool(key string) bool {
	s, _ := c.setting(key)
	return s.yes
}

// Timestamp returns the value of a timestamp, or nil.
func (c Config) Timestamp(key string) *Timestamp {
	s, _ := c.setting(key)
	return s.at
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
func parseConfig(info *TypeInfo, raw []byte, sizes sizeNames) (config Config, fault string) {
	var room [8]member
	fields, err := decodeObject(raw, room[:0])
	if err != nil {
		return Config{}, err.Error()
	}
	config.settings = make([]setting, 0, min(len(fields), len(info.Parameters)))
	for i := range info.Parameters {
		p := &info.Parameters[i]
		value, there := fields.get(p.Name)
		if !there {
			if p.Required {
				return Config{}, p.Name + ": missing"
			}
			continue
		}
		parsed, fault := p.parse(value, sizes)
		if fault != "" {
			return Config{}, p.Name + ": " + fault
		}
		config.settings = append(config.settings, parsed)
	}
	return config, ""
}

// parse checks one value of the parameter.
func (p *ParameterInfo) parse(value jsonValue, sizes sizeNames) (s setting, fault string) {
	s.name = p.Name
	switch p.Kind {
	case KindSize, KindText:
		switch {
		case value.kind != jsonText:
			return s, "not a string: " + abbreviate(value.asTree())
		case p.Kind == KindSize:
			s.text, fault = p.parseSize(value.text, sizes)
			return s, fault
		case value.text == "":
			return s, "empty"
		}
		s.text = value.text
		return s, ""
	case KindNumber, KindInteger:
		if value.kind != jsonNumber {
			return s, "not a number: " + abbreviate(value.asTree())
		}
		return p.parseNumber(s, value.text)
	case KindBool:
		yes, ok := value.tree.(bool)
		if !ok {
			return s, "not true or false: " + abbreviate(value.asTree())
		}
		s.yes = yes
		return s, ""
	case KindTimestamp:
		t, err := ParseTimestamp(value.text) // a number is none
		if err != nil {
			return s, "not an RFC 3339 timestamp: " + abbreviate(value.asTree())
		}
		s.at = &t
		return s, ""
	}
	panic("engine: parameter " + p.Name + " has no kind")
}

func (p *ParameterInfo) parseSize(text string, sizes sizeNames) (size, fault string) {
	size = sizes.resolve(text)
	if !sizes.known(size) || p.Listed && len(sizes.offered) == 0 {
		if text == "" {
			return "", "empty"
		}
		return "", "unknown size: " + abbreviate(text)
	}
	return size, ""
}

func (p *ParameterInfo) parseNumber(s setting, text string) (_ setting, fault string) {
	s.number = parseNumber(text)
	integer, isInteger := int64(0), true
	if p.Kind == KindInteger {
		integer, isInteger = whole(json.Number(text))
	}
	switch {
	case !isInteger:
		return s, "not an integer: " + text
	case !p.inRange(s.number):
		return s, fmt.Sprintf("not %s: %s", p.Least, text)
	case p.Most > 0 && s.number.Compare(Whole(p.Most)) > 0:
		return s, fmt.Sprintf("not <= %d: %s", p.Most, text)
	}
	s.integer = integer
	return s, ""
}

func (p *ParameterInfo) inRange(value Number) bool {
	switch p.Least {
	case "":
		return true
	case "> 0":
		return value.Sign() > 0
	case ">= 0":
		return value.Sign() >= 0
	case ">= 1":
		return value.Compare(Whole(1)) >= 0
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
