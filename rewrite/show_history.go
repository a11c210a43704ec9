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
		verbose, scope, limit, err := p.records()
		return ShowHistory{verbose, scope, limit}, err
	},
}
