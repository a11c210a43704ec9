package mzsim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mzproxy/rewrite"
)

// optionKind says how the value of an option is written.
type optionKind uint8

const (
	sizeOption optionKind = iota
	textOption
	intOption
	boolOption
	listOption
	replicasOption
	scheduleOption
	scalingOption
	ignoredOption // accepted, without effect
)

// option is an option of a cluster or replica: the words that name it and what it takes.
type option struct {
	name string // words, lower case
	kind optionKind
}

// clusterOptions are the options of CREATE CLUSTER and ALTER CLUSTER ... SET.
var clusterOptions = []option{
	{"auto scaling strategy", scalingOption}, {"availability zones", listOption}, {"disk", ignoredOption},
	{"experimental arrangement compression", ignoredOption}, {"introspection interval", textOption},
	{"introspection debugging", boolOption}, {"managed", boolOption}, {"replicas", replicasOption},
	{"replication factor", intOption}, {"size", sizeOption}, {"schedule", scheduleOption}, {"workload class", textOption},
}

// replicaOptions are the options of CREATE CLUSTER REPLICA and of a replica in a list of replicas.
var replicaOptions = []option{
	{"size", sizeOption}, {"availability zone", textOption}, {"internal", boolOption}, {"billed as", sizeOption},
	{"introspection interval", ignoredOption}, {"introspection debugging", ignoredOption}, {"disk", ignoredOption},
	{"experimental arrangement compression", ignoredOption},
}

// spec holds options by name, words joined by underscores, as the procedures of schema mz_sim take them.
type spec map[string]any

// options reads options up to the end of the statement or to a right parenthesis.
func (p *parser) options(known []option) spec {
	s := spec{}
	for p.err == nil {
		o, ok := p.option(known)
		if !ok {
			return s
		}
		key := strings.ReplaceAll(o.name, " ", "_")
		if _, dup := s[key]; dup {
			p.fail("XX000", strings.ToUpper(o.name)+" specified more than once")
			return s
		}
		p.acceptOp("=")
		value := p.value(o)
		if o.kind != ignoredOption {
			s[key] = value
		}
		if !p.acceptOp(",") {
			return s
		}
	}
	return s
}

// option reads the name of an option.
func (p *parser) option(known []option) (option, bool) {
	for _, o := range known {
		if p.accept(strings.Fields(o.name)...) {
			return o, true
		}
	}
	var first []string
	for _, o := range known {
		if word := strings.ToUpper(strings.Fields(o.name)[0]); !slices.Contains(first, word) {
			first = append(first, word)
		}
	}
	p.expected("one of " + strings.Join(first, " or "))
	return option{}, false
}

// missing tells whether an option stands without a value.
func (p *parser) missing() bool {
	return p.done() || p.nextOp(",") || p.nextOp(")")
}

func (p *parser) value(o option) any {
	switch o.kind {
	case sizeOption, textOption:
		return p.textValue(o)
	case intOption:
		return p.intValue(o)
	case boolOption:
		return p.boolValue(o)
	case listOption:
		return p.list()
	case replicasOption:
		return p.replicas()
	case scheduleOption:
		return p.schedule()
	case scalingOption:
		return p.scaling()
	default:
		p.skipValue()
		return nil
	}
}

// textValue reads a string, or a word that stands for one.
func (p *parser) textValue(o option) any {
	if o.kind == textOption {
		p.accept("interval") // INTERVAL '1s'
	}
	t := p.at(0)
	switch {
	case p.missing():
		p.fail("XX000", fmt.Sprintf("invalid %s: must provide a string value", strings.ToUpper(o.name)))
	case t.Is("null") && o.name == "workload class":
		p.pos++
		return nil
	case t.Kind == rewrite.Number || t.Is("null", "true", "false"):
		p.fail("XX000", fmt.Sprintf("invalid %s: cannot use value as string", strings.ToUpper(o.name)))
	}
	return p.word()
}

func (p *parser) intValue(o option) any {
	t := p.at(0)
	n, err := strconv.ParseInt(t.Text, 10, 32)
	if p.err != nil || p.missing() || err != nil || n < 0 {
		p.fail("XX000", fmt.Sprintf("invalid %s: cannot use value as number", strings.ToUpper(o.name)))
		return nil
	}
	p.pos++
	return n
}

// boolValue reads a truth value; none means true.
func (p *parser) boolValue(o option) any {
	if p.missing() {
		return true
	}
	switch strings.ToLower(p.word()) {
	case "true", "t", "on":
		return true
	case "false", "f", "off":
		return false
	}
	p.fail("XX000", fmt.Sprintf("invalid %s: cannot use value as boolean", strings.ToUpper(o.name)))
	return nil
}

// list reads a list of strings in parentheses or brackets.
func (p *parser) list() any {
	closing := ")"
	if p.acceptOp("[") {
		closing = "]"
	} else {
		p.expectOp("(")
	}
	items := []string{}
	for p.err == nil && !p.acceptOp(closing) {
		items = append(items, p.word())
		if !p.nextOp(closing) {
			p.expectOp(",")
		}
	}
	return items
}

// replicas reads REPLICAS (r1 (SIZE '25cc'), ...).
func (p *parser) replicas() any {
	list := []spec{}
	p.expectOp("(")
	for p.err == nil && !p.acceptOp(")") {
		name := p.ident()
		p.expectOp("(")
		s := p.options(replicaOptions)
		p.expectOp(")")
		s["name"] = name
		p.checkReplica(s)
		list = append(list, s)
		if !p.nextOp(")") {
			p.expectOp(",")
		}
	}
	return list
}

// checkReplica checks what can be said about a replica's options without the catalog.
func (p *parser) checkReplica(s spec) {
	switch {
	case s["size"] == nil:
		p.fail("XX000", "SIZE option must be specified")
	case s["billed_as"] != nil || s["internal"] == true:
		p.fail("XX000", "cannot specify INTERNAL or BILLED AS as non-internal user")
	}
}

// schedule reads MANUAL or ON REFRESH [(HYDRATION TIME ESTIMATE = ...)].
func (p *parser) schedule() any {
	if p.accept("manual") {
		return "manual"
	}
	p.expect("on", "refresh")
	if p.acceptOp("(") {
		p.expect("hydration", "time", "estimate")
		p.acceptOp("=")
		p.accept("interval")
		p.str()
		p.expectOp(")")
	}
	return "on-refresh"
}

// scaling reads (ON HYDRATION (HYDRATION SIZE = '800cc' [, LINGER DURATION = '15s'])) or ().
func (p *parser) scaling() any {
	p.expectOp("(")
	if p.acceptOp(")") {
		return nil
	}
	p.expect("on", "hydration")
	p.expectOp("(")
	s := p.options([]option{{"hydration size", sizeOption}, {"linger duration", textOption}})
	p.expectOp(")")
	p.expectOp(")")
	return spec{"on_hydration": s}
}

// skipValue reads the value of an option without effect.
func (p *parser) skipValue() {
	if p.missing() || p.err != nil {
		return
	}
	p.accept("interval")
	p.pos++
}
