package engine

// Op is what an Action does.
type Op string

const (
	OpCreate Op = "create"
	OpDrop   Op = "drop"
)

// Action is one statement to run.
type Action struct {
	Op      Op
	Replica string
	Size    string // create only
	SQL     string
	Reasons []Reason
}

// Reason says which strategy asked for an action and why. Text is exactly that of plan-format.md.
type Reason struct{ Strategy, Text string }
