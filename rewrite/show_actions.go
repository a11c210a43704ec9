package rewrite

import "strconv"

// ShowActions is SHOW STRATEGY ACTIONS.
type ShowActions struct {
	Verbose bool // all columns
	Scope
	Limit int // 0: not said
}

// Name is the command's words.
func (ShowActions) Name() string { return "SHOW STRATEGY ACTIONS" }

var showActions = recogniser{
	syntax: []string{"SHOW STRATEGY ACTIONS [ VERBOSE ] [ FOR CLUSTER name ] [ LIMIT n ]"},
	claims: func(p *parser) bool { return p.showsStrategy("actions") },
	parse: func(p *parser) (Command, error) {
		verbose, scope, limit, err := p.records()
		return ShowActions{verbose, scope, limit}, err
	},
}

// records takes what may follow the words of a command that shows records: VERBOSE, FOR CLUSTER, LIMIT.
func (p *parser) records() (verbose bool, scope Scope, limit int, err error) {
	p.skipTo()
	p.advance(1)
	verbose = p.word("verbose")
	if scope, err = p.scope(false); err != nil {
		return verbose, scope, 0, err
	}
	limit, err = p.limit()
	return verbose, scope, limit, err
}

// limit takes LIMIT n; 0: it is not said.
func (p *parser) limit() (int, error) {
	if !p.word("limit") {
		return 0, nil
	}
	t, _ := p.peek(0)
	limit, err := strconv.Atoi(t.Text)
	if t.Kind != Number || err != nil || limit < 1 || limit > 1_000_000 {
		return 0, p.fail("a number of rows, at least 1")
	}
	p.advance(1)
	return limit, nil
}
