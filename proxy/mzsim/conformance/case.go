package conformance

// Case is one fact, or a few that belong together, about Materialize.
type Case struct {
	File   string // its base name
	Line   int    // of the name
	Name   string
	Source string // where the answers come from: a file of recorded answers, or a section of the documentation

	Superuser bool     // sessions of one letter are the superuser's
	Protocol  string   // "simple" or "extended" where it is about one of them; "" means both
	Brief     bool     // the source tells messages only; see match
	StandIn   string   // why no other server than the stand-in can run it
	Unable    string   // why it cannot hold on PostgreSQL
	Ours      string   // why the proxy answers otherwise
	Pending   string   // why it does not hold on the stand-in yet
	Options   []string // of the connections of sessions of one letter: name=value
	Setup     []string // has to succeed, in session a
	Steps     []Step
	Cleanup   []string // has to succeed afterwards, as superuser
}

// Step is what one session says, and what has to come back.
type Step struct {
	Line    int
	Session string // one letter, or the name of a role
	Mode    string // see modes
	Text    string
	Want    []string
}

// The modes of a step; "" is the protocol of the run.
const (
	modeSimple   = "simple"
	modeExtended = "extended"
	modePipeline = "pipeline"   // every line of the text is a statement, with one Sync behind the last
	modeUntil    = "eventually" // again and again, until the answer is the right one
	modeWaits    = "waits"      // does not wait for the answer
	modeAnswers  = "answers"    // waits for the answer to what the session was told before; no text
)

var modes = map[string]bool{"": true, modeSimple: true, modeExtended: true, modePipeline: true, modeUntil: true, modeWaits: true, modeAnswers: true}
