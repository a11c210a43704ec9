package rewrite

// ResetState is RESET STRATEGY STATE: cooldowns are forgotten.
type ResetState struct{ Scope }

// Name is the command's words.
func (ResetState) Name() string { return "RESET STRATEGY STATE" }

var resetState = recogniser{
	syntax: []string{"RESET STRATEGY STATE [ FOR CLUSTER name ]"},
	claims: func(p *parser) bool {
		t, _ := p.peek(2)
		return p.starts([]string{"reset"}, []string{"strategy"}) && (t.Kind != Op || t.Text != ".")
	},
	parse: func(p *parser) (Command, error) {
		p.advance(2)
		if !p.word("state") {
			return nil, p.fail()
		}
		scope, err := p.scope(false)
		return ResetState{scope}, err
	},
}
