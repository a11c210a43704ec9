package rewrite

// ShowStrategies is SHOW STRATEGIES.
type ShowStrategies struct{ Scope }

// Name is the command's words.
func (ShowStrategies) Name() string { return "SHOW STRATEGIES" }

var showStrategies = recogniser{
	syntax: []string{"SHOW STRATEGIES [ FOR CLUSTER name ] [ LIKE 'pattern' ]"},
	claims: func(p *parser) bool { return p.begins("show", "strategies") },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		scope, err := p.scope(true)
		return ShowStrategies{scope}, err
	},
}
