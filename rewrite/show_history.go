package rewrite

// ShowHistory is SHOW STRATEGY HISTORY: who changed what.
type ShowHistory struct {
	Verbose bool // all columns
	Scope
	Limit int // 0: not said
}

// Name is the command's words.
func (ShowHistory) Name() string { return "SHOW STRATEGY HISTORY" }

var showHistory = recogniser{
	syntax: []string{"SHOW STRATEGY HISTORY [ VERBOSE ] [ FOR CLUSTER name ] [ LIMIT n ]"},
	claims: func(p *parser) bool { return p.showsStrategy("history") },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		p.advance(1)
		verbose := p.word("verbose")
		scope, err := p.scope(false)
		if err != nil {
			return nil, err
		}
		limit, err := p.limit()
		return ShowHistory{verbose, scope, limit}, err
	},
}
