package rewrite

import "time"

// badTime is the SQLSTATE of an interval, or a timestamp, that is none.
const badTime = "22007"

// PauseStrategies is PAUSE STRATEGIES.
type PauseStrategies struct {
	Scope
	For    time.Duration // 0: not said
	Until  *time.Time
	Offset int // where the timestamp of Until stands
	Reason string
}

// Name is the command's words.
func (PauseStrategies) Name() string { return "PAUSE STRATEGIES" }

var pause = recogniser{
	syntax: []string{
		"PAUSE STRATEGIES [ FOR CLUSTER name ] [ FOR 'interval' | UNTIL 'timestamp' ]",
		"    [ WITH REASON 'text' ]",
	},
	claims: func(p *parser) bool { return p.begins("pause", strategyWord...) },
	parse:  parsePause,
}

func parsePause(p *parser) (Command, error) {
	p.skipTo()
	const interval = "an interval in single quotes"
	cluster, err := p.forCluster(interval)
	if err != nil {
		return nil, err
	}
	c := PauseStrategies{Scope: Scope{Cluster: cluster}}
	switch {
	case p.word("for"):
		at, _ := p.peek(0)
		if at.Kind == Keyword && cluster == nil {
			p.expected = append(p.expected, "CLUSTER")
		}
		text, err := p.string(interval)
		if err != nil {
			return nil, err
		}
		if c.For, err = ParseInterval(text); err != nil {
			return nil, &SyntaxError{Offset: at.Start, Message: err.Error(), Code: badTime, Expected: []string{"an interval such as '2 hours' or '30 minutes'"}}
		}
	case p.word("until"):
		at, _ := p.peek(0)
		text, err := p.string("a timestamp in single quotes")
		if err != nil {
			return nil, err
		}
		until, err := ParseTimestamp(text, p.env.Zone)
		if err != nil {
			return nil, &SyntaxError{Offset: at.Start, Message: err.Error(), Code: badTime, Expected: []string{"a timestamp such as '2025-06-01 12:00:00+00'"}}
		}
		c.Until, c.Offset = &until, at.Start
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
