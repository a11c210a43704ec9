package engine

import "strings"

// PauseType is the type of the rows that pause a cluster. It is not a
// strategy: nothing is decided by it, everything is held back.
const PauseType = "pause"

var pauseInfo = TypeInfo{
	Name: PauseType, Priority: 100,
	Summary: "holds all actions back; see PAUSE STRATEGIES",
	Parameters: []ParameterInfo{
		{Name: "until", Kind: KindTimestamp, Default: "never", Meaning: "when the pause ends by itself"},
		{Name: "reason", Kind: KindText, Meaning: "why, for the others"},
		{Name: "by", Kind: KindText, Meaning: "who asked for it"},
	},
}

// AllClusters stands in cluster_id where a pause is for all clusters, those to come included. No cluster has such an id.
const AllClusters = "*"

// Pause is a row of type pause: no action until then.
type Pause struct {
	Until  *Timestamp // nil: until RESUME STRATEGIES
	Reason string
	By     string // role
	All    bool   // it is for all clusters
}

// String tells of the pause in one line.
func (p Pause) String() string { return p.text(p.Until) }

// Endless tells of the pause in one line, without its end.
func (p Pause) Endless() string { return oneLine.Replace(p.text(nil)) }

// Origin tells whose pause it is, and why; empty: nobody says.
func (p Pause) Origin() string {
	switch by := strings.Join(p.by(), " "); {
	case by == "":
		return oneLine.Replace(p.Reason)
	case p.Reason == "":
		return oneLine.Replace(by)
	default:
		return oneLine.Replace(by + ": " + p.Reason)
	}
}

func (p Pause) by() (words []string) {
	if p.All {
		words = append(words, "with all clusters")
	}
	if p.By != "" {
		words = append(words, "by "+p.By)
	}
	return words
}

func (p Pause) text(until *Timestamp) string {
	text := strings.Join(append([]string{"paused"}, p.by()...), " ")
	if until != nil {
		text += " until " + until.String()
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

// longer tells whether a pause ends after another one.
func (p Pause) longer(other Pause) bool {
	return other.Until != nil && (p.Until == nil || p.Until.Compare(*other.Until) > 0)
}

// pause returns the pause that is in force for a cluster, or nil: its own, or that of all, whichever is longer.
func (c StrategyCoordinator) pause(rows Rows) (*Pause, *Problem) {
	own, problem := c.pauseOf(rows)
	if c.pauseOfAll != nil && (own == nil || c.pauseOfAll.longer(*own)) {
		return c.pauseOfAll, problem
	}
	return own, problem
}

// pauseOf reads the row that counts. Somebody wanted a pause whose row is wrong: that is no reason to act.
func (c StrategyCoordinator) pauseOf(rows Rows) (*Pause, *Problem) {
	row := rows.Of(PauseType)
	if row == nil {
		return nil, nil
	}
	unreadable := &Pause{Reason: "its row cannot be read"}
	if row.Fault != "" {
		return unreadable, &Problem{PauseType, UnreadableRow, row.Fault}
	}
	config, fault := parseConfig(&pauseInfo, row.Config, sizeNames{})
	if fault != "" {
		return unreadable, &Problem{PauseType, BadConfig, fault}
	}
	p := Pause{Until: config.Timestamp("until"), Reason: config.Text("reason"), By: config.Text("by")}
	if p.Until != nil && p.Until.Compare(c.snapshot.Now) <= 0 {
		return nil, nil
	}
	return &p, nil
}
