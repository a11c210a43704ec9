package proxy

import (
	"context"

	"mzproxy/rewrite/pgtext"
)

// The books say what the names of prepared statements and portals stand for on
// the server, as far as the proxy has to do with them. They follow the server's
// answers in their order: what the server refuses, skips or drops never gets in. A
// clientSide's mutex guards them.
type books struct {
	replyQueue
	statements map[string]*statement
	portals    map[string]*portal
	// doubtful is set where a Parse message of the unnamed statement has failed: PostgreSQL drops the old one all the same.
	doubtful bool
}

// A statement is a prepared statement that we have to do with: one that we
// answer, for which the server has a placeholder, or one of the server's with wishes about
// it. A Parse message makes it, or SQL's PREPARE: there is one name space for both.
type statement struct {
	directives
	answer   *Answer // nil: the server's own
	bind     func(context.Context, *Bind) error
	execute  func(context.Context) error
	executes *Executed
	kept     any      // the handler's
	oids     []uint32 // parameter types as declared by Parse
}

// directives are the wishes of a verdict about a statement that the server executes.
type directives struct {
	tag  string
	done func(tag string)
	hint string // in the server's error about it
	pgtext.Edited

	prepares    string     // SQL's PREPARE: the name,
	prepared    *statement // and what it then stands for
	deallocates string
	portal      string // SQL's DECLARE or CLOSE of a cursor: it is none of ours afterwards
}

// A portal is a bound statement.
type portal struct {
	*statement
	answer  *Answer  // of the statement with these parameters
	formats []int16  // result formats as in the Bind message
	results *results // what the answer has produced, once it ran
	tag     string
	err     *Error
	asked   bool // whether it may be executed; see Verdict.Execute
	began   bool // some rows were taken already
}

// empty reports whether the client waits for nothing, and no name means anything to us.
func (b *books) empty() bool { return len(b.items)+len(b.statements)+len(b.portals) == 0 }

// statement is what a name stands for when the server has done all that it was
// sent, if nothing of that fails; nil: nothing of ours.
func (b *books) statement(name string) *statement {
	for i := len(b.items) - 1; i >= 0; i-- {
		if s, ok := b.items[i].makes(name); ok {
			return s
		}
	}
	return b.statements[name]
}

// portal is the same for portals.
func (b *books) portal(name string) *portal {
	for i := len(b.items) - 1; i >= 0; i-- {
		if it := &b.items[i]; it.kind == 'B' && it.name == name {
			return it.portal
		}
	}
	return b.portals[name]
}

// mayKnow reports whether a statement's name may stand for something of ours by the time that the
// server gets to it, whatever fails.
func (b *books) mayKnow(name string) bool {
	for i := range b.items {
		if s, _ := b.items[i].makes(name); s != nil {
			return true
		}
	}
	return b.statements[name] != nil
}

// mayRun reports whether a portal may be one whose execution is not only the server's.
func (b *books) mayRun(name string) bool {
	for i := range b.items {
		if it := &b.items[i]; it.kind == 'B' && it.name == name && it.portal.special() {
			return true
		}
	}
	return b.portals[name].special()
}

// special reports whether there is more to do when a portal is executed than to follow the server.
func (p *portal) special() bool {
	return p != nil && (p.answer != nil || p.execute != nil || p.executes != nil || p.prepared != nil)
}

// setStatement notes what a name stands for; nil: nothing of ours.
func (b *books) setStatement(name string, s *statement) {
	if s == nil {
		delete(b.statements, name)
		return
	}
	if b.statements == nil {
		b.statements = map[string]*statement{}
	}
	b.statements[name] = s
}

// setPortal is the same for portals.
func (b *books) setPortal(name string, p *portal) {
	if p == nil {
		delete(b.portals, name)
		return
	}
	if b.portals == nil {
		b.portals = map[string]*portal{}
	}
	b.portals[name] = p
}

// answered follows an answer of the server that is the last one to the head, and takes that off.
func (b *books) answered(typ byte) {
	h := b.head()
	if h == nil || !answers(typ, h.kind) {
		return
	}
	switch h.kind {
	case 'P':
		b.setStatement(h.name, h.statement)
		b.doubtful = b.doubtful && h.name != ""
	case 'B':
		b.setPortal(h.name, h.portal)
	case 'C':
		if h.ofPortal {
			delete(b.portals, h.name)
		} else {
			delete(b.statements, h.name)
		}
	}
	b.pop()
}

// failed follows an error of the server at the head, which makes it skip messages if they are of the extended protocol.
func (b *books) failed() {
	h := b.head()
	if h == nil || h.kind == 'Q' || h.kind == 'F' {
		return
	}
	if h.kind == 'P' && h.name == "" {
		b.doubtful = true
	}
	b.skip()
}

// dropUnnamed forgets the unnamed statement if there is one that the server may have dropped.
func (b *books) dropUnnamed() bool {
	doubtful := b.doubtful && b.statements[""] != nil
	for i := range b.items {
		if _, ok := b.items[i].makes(""); ok {
			doubtful = false
		}
	}
	if doubtful {
		delete(b.statements, "")
	}
	return doubtful
}

// done follows the completion of a statement.
func (b *books) done(h *directives, tag string) {
	switch tag {
	case "DISCARD ALL":
		clear(b.portals)
		b.dropNamed()
	case "CLOSE CURSOR ALL":
		clear(b.portals)
	case "DEALLOCATE ALL":
		b.dropNamed()
	}
	if h == nil {
		return
	}
	if h.prepared != nil {
		b.setStatement(h.prepares, h.prepared)
	}
	if h.deallocates != "" {
		delete(b.statements, h.deallocates)
	}
	if h.portal != "" {
		delete(b.portals, h.portal)
	}
}

// dropNamed forgets what the server drops when it is to drop all prepared
// statements. The unnamed one may live on.
func (b *books) dropNamed() {
	for name := range b.statements {
		if name != "" {
			delete(b.statements, name)
		}
	}
}

// ready follows a ReadyForQuery.
func (b *books) ready(status byte) {
	if b.replyQueue.ready().kind == 'Q' { // its portal is another matter: see completed
		delete(b.statements, "")
	}
	if status == 'I' {
		clear(b.portals)
	}
}
