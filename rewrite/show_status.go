package rewrite

// ShowStatus is SHOW STRATEGY STATUS.
type ShowStatus struct{ Scope }

// Name is the command's words.
func (ShowStatus) Name() string { return "SHOW STRATEGY STATUS" }

var showStatus = recogniser{
	syntax: []string{"SHOW STRATEGY STATUS [ FOR CLUSTER name ] [ LIKE 'pattern' ]"},
	claims: func(p *parser) bool { return p.showsStrategy("status") },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		p.advance(1)
		scope, err := p.scope(true)
		return ShowStatus{scope}, err
	},
}

// showsStrategy tells whether the statement is SHOW [SCALING] STRATEGY word.
func (p *parser) showsStrategy(word string) bool {
	return p.starts([]string{"show"}, []string{"strategy"}, []string{word}) ||
		p.starts([]string{"show"}, []string{"scaling"}, []string{"strategy"}, []string{word})
}
