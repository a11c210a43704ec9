package rewrite

// ApplyStrategies is APPLY STRATEGIES: look now.
type ApplyStrategies struct{ Scope }

// Name is the command's words.
func (ApplyStrategies) Name() string { return "APPLY STRATEGIES" }

var apply = recogniser{
	syntax: []string{"APPLY STRATEGIES [ FOR CLUSTER name ]"},
	claims: func(p *parser) bool { return p.begins("apply", strategyWord...) },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		scope, err := p.scope(false)
		return ApplyStrategies{scope}, err
	},
}
