package rewrite

import "time"

// PauseStrategies is PAUSE STRATEGIES.
type PauseStrategies struct {
	Scope
	For    time.Duration // 0: not said
	Until  *time.Time
	Reason string
}

// Name is the command's words.
func (PauseStrategies) Name() string { return "PAUSE STRATEGIES" }

var pause = recogniser{
	syntax: []string{"PAUSE STRATEGIES [ FOR CLUSTER name ] [ FOR 'interval' | UNTIL 'timestamp' ] [ WITH REASON 'text' ]"},
	claims: func(p *parser) bool { return p.begins("pause", strategyWord...) },
	parse:  parsePause,
}

func parsePause(p *parser) (Command, error) {
	p.skipTo()
	scope, err := p.scope(false)
	if err != nil {
		return nil, err
	}
	c := PauseStrategies{Scope: scope}
	switch {
	case p.word("for"):
		at, _ := p.peek(0)
		text, err := p.string("an interval in single quotes")
		if err != nil {
			return nil, err
		}
		if c.For, err = ParseInterval(text); err != nil {
			return nil, &SyntaxError{Offset: at.Start, Message: err.Error(), Expected: []string{"an interval such as '2 hours' or '30 minutes'"}}
		}
	case p.word("until"):
		at, _ := p.peek(0)
		text, err := p.string("a timestamp in single quotes")
		if err != nil {
			return nil, err
		}
		until, err := parseTimestamp(text)
		if err != nil {
			return nil, &SyntaxError{Offset: at.Start, Message: err.Error(), Expected: []string{"a timestamp such as '2025-06-01 12:00:00+00'"}}
		}
		c.Until = &until
	}
	if p.word("with") {
		if !p.word("reason") {
			return nil, p.fail()
		}
		if c.Reason, err = p.string("a reason in single quotes"); err != nil {
			return nil, err
		}
	}
	return c, nil
}
