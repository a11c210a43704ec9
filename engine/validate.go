package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"mzproxy/rewrite/pgtext"
)

// ConfigCode is the kind of a ConfigProblem; the SQL surface maps it to
// SQLSTATEs.
type ConfigCode string

// The kinds of faults in what is about to be written.
const (
	NotJSON          ConfigCode = "not_json"
	InvalidValue     ConfigCode = "invalid_value"
	UnknownParameter ConfigCode = "unknown_parameter"
	MissingParameter ConfigCode = "missing_parameter"
	UnknownSize      ConfigCode = "unknown_size"
	UnknownType      ConfigCode = "unknown_strategy"
	Experimental     ConfigCode = "experimental_disabled"
	NotOnManaged     ConfigCode = "not_on_managed" // it has no meaning on a managed cluster
	NotSupported     ConfigCode = "not_supported"  // by this server
)

// ConfigProblem is a fault in a strategy row that is about to be written.
type ConfigProblem struct {
	Code    ConfigCode
	Key     string // the parameter concerned; empty: the row or the config as a whole
	OnValue bool   // the value of Key is at fault, not the key
	Offset  int64  // NotJSON: the byte of the config where it goes wrong
	Message string // PostgreSQL style: lower case, no full stop
	Detail  string // sentences
	Hint    string
}

// OfType tells whether it is the type of the row that is at fault, rather than its config.
func (p ConfigProblem) OfType() bool {
	return p.Code == UnknownType || p.Code == Experimental || p.Key == "" && (p.Code == NotOnManaged || p.Code == NotSupported)
}

// ValidateOptions are the facts that a row is checked against.
type ValidateOptions struct {
	Sizes              []Size
	SizeAliases        map[string]string
	EnableExperimental bool
	// Managed says that the row is for a managed cluster, and NoAutoScaling why such clusters take no AUTO SCALING STRATEGY; empty: they do.
	Managed       bool
	NoAutoScaling string
}

// Validate checks a row before it is stored: more strictly than a plan does,
// for a key that nobody knows is most likely a typing error. The problems come
// in the order in which a reader meets them in the type's table; none: the row is fine.
func (r *Registry) Validate(strategyType string, config []byte, o ValidateOptions) []ConfigProblem {
	info := r.find(strategyType)
	if info == nil {
		return []ConfigProblem{r.unknownType(strategyType)}
	}
	if info.Experimental && !o.EnableExperimental {
		return []ConfigProblem{{Code: Experimental,
			Message: fmt.Sprintf("strategy %q is experimental and not enabled", info.Name),
			Hint:    "Start the proxy with --enable-experimental to use it."}}
	}
	if problem := unfit(info, o); problem != nil {
		return []ConfigProblem{*problem}
	}
	fields, err := decodeObject(config, nil)
	if err != nil {
		return []ConfigProblem{notAnObject(config, err)}
	}
	var problems []ConfigProblem
	for _, key := range slices.Sorted(maps.Keys(fields.asTree())) {
		if !slices.ContainsFunc(info.Parameters, func(p ParameterInfo) bool { return p.Name == key }) {
			problems = append(problems, unknownParameter(info, key))
		}
	}
	for i := range info.Parameters {
		p := &info.Parameters[i]
		value, there := fields.get(p.Name)
		if !there {
			if p.Required {
				problems = append(problems, missingParameter(info, p))
			}
			continue
		}
		if o.Managed && p.Unmanaged != "" {
			problems = append(problems, ConfigProblem{Code: NotOnManaged, Key: p.Name, Message: fmt.Sprintf("parameter %q has no meaning on a managed cluster", p.Name),
				Detail: sentence(p.Unmanaged), Hint: "Leave it out."})
			continue
		}
		if problem, bad := p.validate(info, value, sizeNames{o.Sizes, o.SizeAliases}); bad {
			problems = append(problems, problem)
		}
	}
	return problems
}

// unfit says why a strategy cannot be used on a managed cluster; nil: it can.
func unfit(info *TypeInfo, o ValidateOptions) *ConfigProblem {
	switch {
	case !o.Managed:
	case info.Unmanaged != "":
		return &ConfigProblem{Code: NotOnManaged, Message: fmt.Sprintf("strategy %q has no meaning on a managed cluster", info.Name),
			Detail: sentence(info.Unmanaged), Hint: info.InsteadThere}
	case info.AutoScaling && o.NoAutoScaling != "":
		return &ConfigProblem{Code: NotSupported, Message: fmt.Sprintf("strategy %q is not supported on managed clusters of this server", info.Name), Detail: sentence(o.NoAutoScaling)}
	}
	return nil
}

func (r *Registry) unknownType(name string) ConfigProblem {
	var known []string
	for _, t := range r.types {
		known = append(known, t.Name)
	}
	return ConfigProblem{Code: UnknownType,
		Message: fmt.Sprintf("unknown strategy type %q", name),
		Detail:  "Strategy types are " + strings.Join(known, ", ") + ".",
		Hint:    Perhaps(name, known)}
}

// Quotation marks that come into a config by way of an editor of prose.
const typographicQuotes = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u00bb\u2033\u2036\uff02"

func notAnObject(config []byte, err error) ConfigProblem {
	var syntax *json.SyntaxError
	if fault := json.Unmarshal(config, new(any)); errors.As(fault, &syntax) {
		at := max(syntax.Offset-1, 0)
		if strings.HasPrefix(syntax.Error(), "unexpected end") {
			at = int64(len(config))
		}
		p := ConfigProblem{Code: NotJSON, Offset: at, Message: "invalid input syntax for type json", Detail: sentence(syntax.Error())}
		if quote, size := utf8.DecodeRune(config[at:]); size > 0 && strings.ContainsRune(typographicQuotes, quote) {
			p.Detail = fmt.Sprintf("A typographic quotation mark (%c) stands where JSON has a straight one.", quote)
			p.Hint = `Write " in its place; editors of prose and chats change quotation marks.`
		}
		return p
	}
	return ConfigProblem{Code: InvalidValue, Message: "config is " + err.Error(),
		Hint: `A config is a JSON object, for example {"target_size": "100cc"}.`}
}

func unknownParameter(info *TypeInfo, key string) ConfigProblem {
	var known []string
	for _, p := range info.Parameters {
		known = append(known, p.Name)
	}
	return ConfigProblem{Code: UnknownParameter, Key: key,
		Message: fmt.Sprintf("unrecognized parameter %q for strategy %q", key, info.Name),
		Detail:  "Parameters are " + strings.Join(known, ", ") + ".",
		Hint:    Perhaps(key, known)}
}

func missingParameter(info *TypeInfo, p *ParameterInfo) ConfigProblem {
	return ConfigProblem{Code: MissingParameter, Key: p.Name,
		Message: fmt.Sprintf("missing parameter %q for strategy %q", p.Name, info.Name),
		Detail:  fmt.Sprintf("%q is %s.", p.Name, p.Meaning)}
}

func (p *ParameterInfo) validate(info *TypeInfo, value jsonValue, sizes sizeNames) (ConfigProblem, bool) {
	_, fault := p.parse(value, sizes)
	if fault == "" {
		return ConfigProblem{}, false
	}
	problem := ConfigProblem{Code: InvalidValue, Key: p.Name, OnValue: true,
		Message: fmt.Sprintf("invalid value for parameter %q: %s", p.Name, abbreviate(value.asTree())),
		Detail:  p.expects()}
	if name := value.text; value.kind == jsonText && p.Kind == KindSize && name != "" {
		problem.Code = UnknownSize
		problem.Message = fmt.Sprintf("unknown replica size %q", name)
		known := sizes.names()
		problem.Detail = "Replica sizes are " + strings.Join(known, ", ") + "."
		if len(known) == 0 {
			problem.Detail = "The server does not tell which replica sizes there are."
		}
		problem.Hint = Perhaps(name, known)
	}
	return problem, true
}

// names lists the sizes and aliases that a config may use, the sizes in the order of their prices.
func (s sizeNames) names() []string {
	var names []string
	for _, family := range []Family{FamilyCC, FamilyM1, FamilyOther} {
		for _, size := range s.offered {
			if FamilyOf(size.Name) == family {
				names = append(names, NewSizeLadder(s.offered, size.Name)...)
				break
			}
		}
	}
	return append(names, slices.Sorted(maps.Keys(s.aliases))...)
}

// expects says in a sentence what a parameter takes.
func (p *ParameterInfo) expects() string {
	kind := map[ParameterKind]string{
		KindSize: "the name of a replica size", KindText: "a non-empty string", KindNumber: "a number",
		KindInteger: "an integer", KindBool: "true or false", KindTimestamp: "an RFC 3339 timestamp",
	}[p.Kind]
	if p.Least != "" {
		kind += " " + p.Least
	}
	if p.Most > 0 {
		kind += fmt.Sprintf(" and <= %d", p.Most)
	}
	if p.Unit != "" {
		kind += ", in " + p.Unit
	}
	return fmt.Sprintf("%q takes %s.", p.Name, kind)
}

// sentence makes one of a phrase.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// Perhaps is a hint that names the closest candidate, or nothing where none
// is close.
func Perhaps(name string, candidates []string) string {
	if len(name) > 100 {
		return ""
	}
	best, distance := "", min(max(2, len(name)/3), len(name)-1)+1 // what shares nothing with it is not near
	for _, c := range candidates {
		if d := pgtext.EditDistance(strings.ToLower(name), strings.ToLower(c)); d < distance {
			best, distance = c, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("Perhaps you meant %q.", best)
}
