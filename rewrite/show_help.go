package rewrite

// ShowHelp is SHOW STRATEGY HELP.
type ShowHelp struct{}

// Name is the command's words.
func (ShowHelp) Name() string { return "SHOW STRATEGY HELP" }

var showHelp = recogniser{
	syntax: []string{"SHOW STRATEGY HELP"},
	claims: func(p *parser) bool { return p.showsStrategy("help") },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		p.advance(1)
		return ShowHelp{}, nil
	},
}

// showStrategyOther is SHOW STRATEGY followed by what we do not know.
var showStrategyOther = recogniser{
	claims: func(p *parser) bool { return p.begins("show", "strategy") },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		return nil, p.fail("STATUS", "ACTIONS", "HISTORY", "TYPES", "HELP")
	},
}
