package engine

import (
	"cmp"
	"slices"
)

// TypeInfo describes a strategy type.
type TypeInfo struct {
	Name         string
	Experimental bool
	Priority     int  // the higher wins
	Temporary    bool // its replicas are of no use without it: they go when its row is gone and another one is ready
	Summary      string
	Parameters   []ParameterInfo
}

// ParameterKind is the type of a parameter's value.
type ParameterKind string

// The kinds of parameters.
const (
	KindSize      ParameterKind = "size"      // a size that is offered
	KindText      ParameterKind = "text"      // a non-empty string
	KindNumber    ParameterKind = "number"    // not a string, not a bool
	KindInteger   ParameterKind = "integer"   // a number without a fractional part
	KindBool      ParameterKind = "bool"      // true or false
	KindTimestamp ParameterKind = "timestamp" // RFC 3339
)

// ParameterInfo describes one key of a config.
type ParameterInfo struct {
	Name     string
	Kind     ParameterKind
	Required bool
	Least    string // smallest value of a number, as ">= 0" or "> 0"; empty: any
	Listed   bool   // KindSize: the size has to be offered, even where no sizes are known
	Unit     string
	Default  string // for people
	Meaning  string
}

// Cooldown is the parameter that every strategy has.
var Cooldown = ParameterInfo{Name: "cooldown_s", Kind: KindNumber, Least: ">= 0", Unit: "seconds", Default: "0",
	Meaning: "rest after an action of this strategy"}

// Registry knows the strategy types. It is immutable and safe for concurrent use.
type Registry struct {
	strategies []Strategy // by priority
	types      []TypeInfo // of the strategies, in their order, then pause
	temporary  map[string]bool
}

// NewRegistry makes a registry of strategies. Their names have to differ.
func NewRegistry(strategies ...Strategy) *Registry {
	r := &Registry{strategies: slices.Clone(strategies), temporary: map[string]bool{}}
	slices.SortStableFunc(r.strategies, func(a, b Strategy) int { return cmp.Compare(a.Info().Priority, b.Info().Priority) })
	for _, s := range r.strategies {
		info := s.Info()
		r.types = append(r.types, info)
		r.temporary[info.Name] = info.Temporary
	}
	r.types = append(r.types, pauseInfo)
	return r
}

// Types lists what may stand in strategy_type, by priority.
func (r *Registry) Types() []TypeInfo { return slices.Clone(r.types) }

// lookup finds a type by its name.
func (r *Registry) lookup(name string) (TypeInfo, bool) {
	i := slices.IndexFunc(r.types, func(t TypeInfo) bool { return t.Name == name })
	if i < 0 {
		return TypeInfo{}, false
	}
	return r.types[i], true
}
