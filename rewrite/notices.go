package rewrite

// NoticesSetting is the name of our one setting.
const NoticesSetting = "strategy.notices"

// SetNotices is SET strategy.notices.
type SetNotices struct {
	Local bool
	Value string // empty: the default
	// Offset is where the value stands.
	Offset int
}

// Name is the command's words.
func (SetNotices) Name() string { return "SET" }

// ResetNotices is RESET strategy.notices.
type ResetNotices struct{}

// Name is the command's words.
func (ResetNotices) Name() string { return "RESET" }

// ShowNotices is SHOW strategy.notices.
type ShowNotices struct{}

// Name is the command's words.
func (ShowNotices) Name() string { return "SHOW" }

// setting tells whether strategy.something stands n tokens ahead. Names of
// settings are the same in any case, quoted or not.
func (p *parser) setting(n int) bool {
	first, _ := p.peek(n)
	dot, _ := p.peek(n + 1)
	name, ok := first.Name()
	return ok && lower(name) == "strategy" && dot.isOp(".")
}

// notices takes strategy.notices.
func (p *parser) notices() error {
	at, _ := p.peek(0)
	p.advance(2)
	t, ok := p.peek(0)
	name, isName := t.Name()
	switch {
	case !ok || !isName:
		return p.fail("NOTICES")
	case lower(name) != "notices":
		return &SettingError{at.Start, "strategy." + name}
	}
	p.advance(1)
	return nil
}

var setNotices = recogniser{
	syntax: []string{"SET [ SESSION | LOCAL ] strategy.notices { TO | = } { off | changes | all | DEFAULT }"},
	claims: func(p *parser) bool {
		second, _ := p.peek(1)
		return p.starts([]string{"set"}) && (p.setting(1) || second.Is("session", "local") && p.setting(2))
	},
	parse: func(p *parser) (Command, error) {
		p.advance(1)
		local := p.word("local")
		if !local {
			p.word("session")
		}
		if err := p.notices(); err != nil {
			return nil, err
		}
		if !p.word("to") && !p.op("=") {
			return nil, p.fail()
		}
		t, ok := p.peek(0)
		if !ok || t.Kind != Keyword && t.Kind != String && t.Kind != QuotedID {
			return nil, p.fail("off", "changes", "all", "DEFAULT")
		}
		p.advance(1)
		if t.Is("default") {
			return SetNotices{Local: local, Offset: t.Start}, nil
		}
		return SetNotices{local, t.Text, t.Start}, nil
	},
}

var resetNotices = recogniser{
	syntax: []string{"RESET strategy.notices"},
	claims: func(p *parser) bool { return p.starts([]string{"reset"}) && p.setting(1) },
	parse: func(p *parser) (Command, error) {
		p.advance(1)
		return ResetNotices{}, p.notices()
	},
}

var showNotices = recogniser{
	syntax: []string{"SHOW strategy.notices"},
	claims: func(p *parser) bool { return p.starts([]string{"show"}) && p.setting(1) },
	parse: func(p *parser) (Command, error) {
		p.advance(1)
		return ShowNotices{}, p.notices()
	},
}
