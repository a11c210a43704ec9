package engine

import (
	"slices"
	"strconv"
)

// Option is something to set of a managed cluster, in the server's words.
type Option string

// The options, in the order in which a statement names them.
const (
	OptionSize   Option = "SIZE"
	OptionFactor Option = "REPLICATION FACTOR"
	OptionBurst  Option = "AUTO SCALING STRATEGY"
)

var options = []Option{OptionSize, OptionFactor, OptionBurst}

// Setting is the value that a strategy wants an option to have.
type Setting struct {
	Option Option
	Size   string // of OptionSize, and of OptionBurst, where empty means none
	Factor int64  // of OptionFactor
	Why    string // without the strategy's name
	// Yields is set where the value only stands in for one that nobody gave: a later strategy may want another one, and overrules nobody.
	Yields bool
	// Timeout is how many seconds the change may take; 0: as long as the server lets it.
	Timeout Number
}

// in puts the setting into a shape.
func (s Setting) in(shape Shape) Shape {
	switch s.Option {
	case OptionSize:
		shape.Size = s.Size
	case OptionFactor:
		shape.Factor = s.Factor
	case OptionBurst:
		shape.Burst = s.Size
	}
	return shape
}

// value is what a shape says of an option, as a text to be compared, and shown.
func (s Shape) value(o Option) string {
	switch o {
	case OptionSize:
		return s.Size
	case OptionFactor:
		return strconv.FormatInt(s.Factor, 10)
	}
	return s.Burst
}

// desiredShape is the desired state of a managed cluster: the shape that it comes to by itself, and what was asked beside.
type desiredShape struct {
	from Shape
	asks []ask
}

// ask is a Setting with who wanted it.
type ask struct {
	Setting
	by Reason
}

// shape is what is desired: of each option, the last word counts.
func (s *desiredShape) shape() Shape {
	shape := s.from
	for _, a := range s.asks {
		shape = a.in(shape)
	}
	return shape
}

// standing lists the asks that say what is desired, where that is not what comes by itself, in the order in which they came.
func (s *desiredShape) standing() []ask {
	to := s.shape()
	var list []ask
	for _, a := range s.asks {
		if want := to.value(a.Option); want != s.from.value(a.Option) && a.in(to).value(a.Option) == want {
			list = append(list, a)
		}
	}
	return list
}

// overruled lists the asks that a new one contradicts.
func (s *desiredShape) overruled(by Setting) []ask {
	var losers []ask
	for _, a := range s.asks {
		if a.Option == by.Option && !a.Yields && a.in(Shape{}) != by.in(Shape{}) {
			losers = append(losers, a)
		}
	}
	return losers
}

// forget takes back what was asked of an option: by one strategy, or, with an empty name, by all.
func (s *desiredShape) forget(o Option, strategy string) {
	s.asks = slices.DeleteFunc(s.asks, func(a ask) bool { return a.Option == o && (strategy == "" || a.by.Strategy == strategy) })
}

// firm tells whether a strategy gave a value for an option, rather than one that yields.
func (s *desiredShape) firm(o Option) bool {
	return slices.ContainsFunc(s.asks, func(a ask) bool { return a.Option == o && !a.Yields })
}
