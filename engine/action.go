package engine

import (
	"mzproxy/rewrite/pgtext"
)

// Op is what an Action does.
type Op string

// The operations.
const (
	OpCreate Op = "create"
	OpDrop   Op = "drop"
	OpAlter  Op = "alter" // of a managed cluster
)

// Subject is what an action is about, in a few words: a replica, or the change of a cluster.
func (a Action) Subject() string {
	if a.Alter != nil {
		return a.Alter.String()
	}
	return a.Replica
}

// Action is one statement to run.
type Action struct {
	Op      Op
	Replica string
	Size    string // of create only
	SQL     string
	Reasons []Reason
	// Restart is what a drop does to sources that run on the replica alone; nil: nothing.
	Restart *Restart
	// Alter is what an OpAlter sets; nil: it is another operation.
	Alter *Alteration
}

func createReplica(cluster string, spec ReplicaSpec, reasons []Reason) Action {
	return Action{OpCreate, spec.Name, spec.Size,
		"CREATE CLUSTER REPLICA " + pgtext.QuoteIdent(cluster) + "." + pgtext.QuoteIdent(spec.Name) + " (SIZE " + pgtext.QuoteLiteral(spec.Size) + ")", reasons, nil, nil}
}

func dropReplica(cluster, name string, reasons []Reason) Action {
	return Action{OpDrop, name, "", "DROP CLUSTER REPLICA " + pgtext.QuoteIdent(cluster) + "." + pgtext.QuoteIdent(name), reasons, nil, nil}
}
