package materialize

import (
	"strings"
	"time"
)

// use is a statement of the history that counts as use of a cluster.
type use struct {
	at   time.Time // its end, or when the history was read if it runs
	what string    // for people
}

// used is what the history tells of the use of a cluster: the latest statement that ran, and the latest that failed. Failures count only where
// there are replicas: without any, it is that which made them fail.
type used struct{ ran, failed use }

// latest is the latest use that counts; the zero value: there was none.
func (u used) latest(replicas bool) use {
	if replicas && u.failed.at.After(u.ran.at) {
		return u.failed
	}
	return u.ran
}

// logged is what the history tells of statements of one kind on one cluster.
type logged struct {
	cluster  string
	kind     string // statement_type; empty: not known
	strategy string // execution_strategy; empty: none, or not known
	status   string // finished_status; empty: running
	constant bool   // an INSERT of constants
	last     *time.Time
	running  int64
}

// The statements that do not use the cluster of their session, whatever they do beside that. An EXECUTE or a FETCH is one of the query that it
// runs, and so is a COPY; what is not known counts.
var (
	neutralKinds    = []string{"start_transaction", "commit", "rollback", "prepare", "deallocate", "declare", "close", "discard", "show", "comment", "raise"}
	neutralPrefixes = []string{"set_", "reset_", "show_", "explain_", "create_", "alter_", "drop_", "grant_", "revoke_", "validate_", "abort_"}
)

// uses tells whether such statements use the cluster. A query that ran was executed in some way, which the strategy tells; a constant one is
// answered without the cluster. Of those without a strategy it is the kind that tells. What failed has none, for want of replicas or
// otherwise: that counts only where there are replicas.
func (l logged) uses() bool {
	if l.strategy != "" {
		return l.strategy != "constant"
	}
	for _, kind := range neutralKinds {
		if l.kind == kind {
			return false
		}
	}
	for _, prefix := range neutralPrefixes {
		if strings.HasPrefix(l.kind, prefix) {
			return false
		}
	}
	return !l.constant
}

// note takes in when they were executed last, as of when the history was read.
func (u *used) note(l logged, read time.Time) {
	switch name := l.name(); {
	case !l.uses():
	case l.running > 0:
		u.ran = use{read, withArticle(name) + " that is running"}
	case l.last == nil:
	case l.status == "error":
		if l.last.After(u.failed.at) {
			u.failed = use{*l.last, "a failed " + name + " in statement history"}
		}
	case l.last.After(u.ran.at):
		u.ran = use{*l.last, withArticle(name) + " in statement history"}
	}
}

// name is the kind for people.
func (l logged) name() string {
	if l.kind == "" {
		return "statement"
	}
	return strings.ReplaceAll(l.kind, "_", " ")
}

func withArticle(noun string) string {
	if strings.ContainsRune("aeiou", rune(noun[0])) {
		return "an " + noun
	}
	return "a " + noun
}
