package rewrite

// ShowStatus is SHOW STRATEGY STATUS.
type ShowStatus struct {
	Verbose bool // all columns
	Scope
}

// Name is the command's words.
func (ShowStatus) Name() string { return "SHOW STRATEGY STATUS" }

var showStatus = recogniser{
	syntax: []string{"SHOW STRATEGY STATUS [ VERBOSE ] [ FOR CLUSTER name ] [ LIKE 'pattern' ]"},
	claims: func(p *parser) bool { return p.showsStrategy("status") },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		p.advance(1)
		verbose := p.word("verbose")
		scope, err := p.scope(true)
		return ShowStatus{verbose, scope}, err
	},
}

// showsStrategy tells whether the statement is SHOW [SCALING] STRATEGY word.
func (p *parser) showsStrategy(word string) bool {
	return p.starts([]string{"show"}, []string{"strategy"}, []string{word}) ||
		p.starts([]string{"show"}, []string{"scaling"}, []string{"strategy"}, []string{word})
}
