package rewrite

// ShowTypes is SHOW STRATEGY TYPES.
type ShowTypes struct{}

// Name is the command's words.
func (ShowTypes) Name() string { return "SHOW STRATEGY TYPES" }

var showTypes = recogniser{
	syntax: []string{"SHOW STRATEGY TYPES"},
	claims: func(p *parser) bool { return p.showsStrategy("types") },
	parse: func(p *parser) (Command, error) {
		p.skipTo()
		p.advance(1)
		return ShowTypes{}, nil
	},
}
