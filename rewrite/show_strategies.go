package rewrite

// ShowStrategies is SHOW STRATEGIES.
type ShowStrategies struct {
	Verbose bool // all columns
	Scope
}

// Name is the command's words.
func (ShowStrategies) Name() string { return "SHOW STRATEGIES" }

var showStrategies = recogniser{
	syntax: []string{"SHOW STRATEGIES [ VERBOSE ] [ FOR CLUSTER name ] [ LIKE 'pattern' ]"},
	claims: func(p *parser) bool { return p.begins("show", "strategies") },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		verbose := p.word("verbose")
		scope, err := p.scope(true)
		return ShowStrategies{verbose, scope}, err
	},
}
