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
	Suspends     bool // it takes all replicas away from a cluster that maintains nothing for others
	EachSize     bool // it may ask for a replica of each size at once; otherwise for one
	Summary      string
	// Unmanaged says why the strategy has no meaning on managed clusters, and InsteadThere in a sentence what to do there; empty: it has one.
	Unmanaged, InsteadThere string
	// AutoScaling: on a managed cluster it needs an AUTO SCALING STRATEGY.
	AutoScaling bool
	Parameters  []ParameterInfo
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
	Most     int64  // largest value of a number; 0: any
	Listed   bool   // KindSize: the size has to be offered, even where no sizes are known
	Unit     string
	// Headline: the value stands beside the strategy's name where plans are shown.
	Headline bool
	// History: so many seconds back it is looked when a cluster was used.
	History bool
	// AllowsStop: of one that suspends, true says that what the cluster maintains may stop.
	AllowsStop bool
	// Unmanaged says why it has no meaning on managed clusters; empty: it has one.
	Unmanaged string
	Default   string // for people
	Meaning   string
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

// Type finds a type by its name.
func (r *Registry) Type(name string) (TypeInfo, bool) {
	if info := r.find(name); info != nil {
		return *info, true
	}
	return TypeInfo{}, false
}

// find returns a type by its name, or nil.
func (r *Registry) find(name string) *TypeInfo {
	for i := range r.types {
		if r.types[i].Name == name {
			return &r.types[i]
		}
	}
	return nil
}

// parameter returns the first parameter that has a trait.
func (t *TypeInfo) parameter(has func(ParameterInfo) bool) (ParameterInfo, bool) {
	i := slices.IndexFunc(t.Parameters, has)
	if i < 0 {
		return ParameterInfo{}, false
	}
	return t.Parameters[i], true
}

// Headline returns the parameter whose value stands beside the strategy's name.
func (t TypeInfo) Headline() (ParameterInfo, bool) {
	return t.parameter(func(p ParameterInfo) bool { return p.Headline })
}

// History returns the parameter that says how far back it is looked when a cluster was used.
func (t TypeInfo) History() (ParameterInfo, bool) {
	return t.parameter(func(p ParameterInfo) bool { return p.History })
}
