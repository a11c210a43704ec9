package rewrite

// ValidateStrategies is VALIDATE STRATEGIES: a row per finding in what is stored.
type ValidateStrategies struct{ Scope }

// Name is the command's words.
func (ValidateStrategies) Name() string { return "VALIDATE STRATEGIES" }

var validate = recogniser{
	syntax: []string{"VALIDATE STRATEGIES [ FOR CLUSTER name ]"},
	claims: func(p *parser) bool { return p.begins("validate", strategyWord...) },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		scope, err := p.scope(false)
		return ValidateStrategies{scope}, err
	},
}
