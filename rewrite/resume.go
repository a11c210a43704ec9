package rewrite

// ResumeStrategies is RESUME STRATEGIES.
type ResumeStrategies struct{ Scope }

// Name is the command's words.
func (ResumeStrategies) Name() string { return "RESUME STRATEGIES" }

var resume = recogniser{
	syntax: []string{"RESUME STRATEGIES [ FOR CLUSTER name ]"},
	claims: func(p *parser) bool { return p.begins("resume", strategyWord...) },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		scope, err := p.scope(false)
		return ResumeStrategies{scope}, err
	},
}
