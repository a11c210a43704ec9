package rewrite

import (
	"errors"

	"mzproxy/rewrite/pgtext"
)

// ExplainStrategy is EXPLAIN STRATEGY.
type ExplainStrategy struct {
	JSON    bool
	Verbose bool
	Scope              // one cluster, or ALL CLUSTERS [LIKE]
	WhatIf  *Statement // an INSERT, UPDATE or DELETE that is planned and never run
}

// Name is the command's words.
func (ExplainStrategy) Name() string { return "EXPLAIN STRATEGY" }

var explainStrategy = recogniser{
	syntax: []string{
		"EXPLAIN STRATEGY [ ( option [, ...] ) ] [ [ FOR ] target ]",
		"    option:  FORMAT { TEXT | JSON }",
		"           | VERBOSE [ bool ]",
		"    target:  CLUSTER name",
		"           | ALL CLUSTERS [ LIKE 'pattern' ]",
		"           | { INSERT | UPDATE | DELETE } ... mz_cluster_strategies ...",
	},
	claims: func(p *parser) bool {
		return p.begins("explain", strategyWord...) || p.optionsThenStrategy()
	},
	parse: parseExplain,
}

// optionsThenStrategy recognises EXPLAIN ( ... ) STRATEGY, the order that
// PostgreSQL's own EXPLAIN has.
func (p *parser) optionsThenStrategy() bool {
	if !p.starts([]string{"explain"}) {
		return false
	}
	t, _ := p.peek(1)
	if t.Kind != Op || t.Text != "(" {
		return false
	}
	for n := 2; ; n++ {
		t, ok := p.peek(n)
		if !ok {
			return false
		}
		if t.Kind == Op && t.Text == ")" {
			next, _ := p.peek(n + 1)
			after, _ := p.peek(n + 2)
			return next.Is(strategyWord...) || next.Is("scaling") && after.Is(strategyWord...)
		}
	}
}

func parseExplain(p *parser) (Command, error) {
	var e ExplainStrategy
	if p.optionsThenStrategy() {
		p.advance(1)
		if err := p.explainOptions(&e); err != nil {
			return nil, err
		}
		if t, _ := p.peek(0); t.Is("scaling") {
			p.advance(1)
		}
		p.advance(1)
	} else {
		p.skipTo()
	}
	if err := p.explainOptions(&e); err != nil {
		return nil, err
	}
	return p.explainTarget(e)
}

func (p *parser) explainTarget(e ExplainStrategy) (Command, error) {
	said := p.word("for")
	t, more := p.peek(0)
	var err error
	switch {
	case p.word("cluster"):
		e.Cluster, err = p.cluster()
	case p.word("all"):
		if !p.word("clusters") {
			return nil, p.fail()
		}
		e.Like, err = p.like()
	case t.Is("insert", "update", "delete", "with"):
		return p.whatIf(e)
	case more || said:
		err := p.fail("INSERT", "UPDATE", "DELETE")
		if !said {
			err = p.clusterMeant(e, err)
		}
		return nil, err
	}
	return e, err
}

func (p *parser) whatIf(e ExplainStrategy) (Command, error) {
	rest := Piece{pgtext.Span{Start: p.piece.Tokens[p.i].Start, End: p.piece.End}, p.piece.Tokens[p.i:]}
	var syntax *SyntaxError
	if _, err := parseOne(rest.Of(p.text)); errors.As(err, &syntax) {
		syntax.Offset += rest.Start
		return nil, syntax
	}
	w, _, err := parseWrite(p.text, rest, p.env)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return nil, &SyntaxError{Offset: rest.Start, Message: "EXPLAIN STRATEGY explains writes to " + Table + " only"}
	}
	e.WhatIf = &Statement{Span: rest.Span, Kind: IsWrite, Write: w}
	p.advance(len(rest.Tokens))
	return e, nil
}

func (p *parser) explainOptions(e *ExplainStrategy) error {
	if !p.op("(") {
		return nil
	}
	for {
		switch {
		case p.word("format"):
			switch {
			case p.word("json"):
				e.JSON = true
			case p.word("text"):
				e.JSON = false
			default:
				return p.fail()
			}
		case p.word("verbose"):
			value, err := p.boolean()
			if err != nil {
				return err
			}
			e.Verbose = value
		default:
			return p.fail()
		}
		if p.op(")") {
			return nil
		}
		if !p.op(",") {
			return p.fail()
		}
	}
}

// boolean takes an optional truth value; without one it is true.
func (p *parser) boolean() (bool, error) {
	t, _ := p.peek(0)
	switch {
	case t.Is("true", "on") || t.Kind == Number && t.Text == "1":
		p.advance(1)
		return true, nil
	case t.Is("false", "off") || t.Kind == Number && t.Text == "0":
		p.advance(1)
		return false, nil
	case t.Kind == Op && (t.Text == "," || t.Text == ")"):
		return true, nil
	}
	return false, p.fail("TRUE", "FALSE")
}
