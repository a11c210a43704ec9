package proxy

import (
	"context"
	"maps"
	"sync/atomic"
)

// A statement is a prepared statement that we have to do with: one that we
// answer, or one of the server with wishes about it. A Parse message makes it, or
// SQL's PREPARE: PostgreSQL has one name space for both.
type statement struct {
	answer  *Answer // nil: the server's
	hooks   *hooks
	bind    func(context.Context, *Bind) error
	execute func(context.Context) error
	kept    any           // the handler's
	oids    []uint32      // parameter types as declared by Parse
	round   uint64        // when the server was asked to make it; see flow.round
	era     *era          // of the session
	made    atomic.Uint64 // in which era it was made, from 1; 0: not yet
	gone    atomic.Bool   // the server has dropped it since
	going   uint64        // the round in which the server was asked to, from 1; 0: it was not
}

// An era of a session ends when the server drops all prepared statements.
type era struct{ ended atomic.Uint64 }

// make notes that a statement exists.
func (s *statement) make() { s.made.Store(s.era.ended.Load() + 1) }

// isGone reports whether the server has dropped a statement that it had made.
func (s *statement) isGone() bool {
	made := s.made.Load()
	return s.gone.Load() || made > 0 && made <= s.era.ended.Load()
}

// prepared returns what we know of a prepared statement; nil: nothing, or it is gone.
func (r *requests) prepared(name string) *statement {
	s := r.statements[name]
	if s != nil && (s.isGone() || s.made.Load() == 0 && r.flow.answeredSince(s.round)) {
		r.dropStatement(name) // the server refused to make it, or has dropped it
		return nil
	}
	return s
}

// kept is Query.Kept.
func (r *requests) kept(name string) any {
	if s := r.prepared(name); s != nil {
		return s.kept
	}
	return nil
}

// hooks are what a verdict wants of its statement's execution.
func (v *Verdict) hooks() *hooks {
	return &hooks{tag: v.Tag, done: v.Done, prepares: v.Prepares, deallocates: v.Deallocates}
}

// executing returns the wishes about a statement that is about to be executed, and notes what it does to
// prepared statements.
func (r *requests) executing(h *hooks) *hooks {
	if h == nil || h.prepares == nil && h.deallocates == "" {
		return h
	}
	one := *h
	if s := r.prepared(h.deallocates); h.deallocates != "" && s != nil {
		s.going = r.flow.round() + 1
		one.drops = s
	}
	if p := h.prepares; p != nil {
		if s := r.prepared(p.Name); s == nil || s.going == r.flow.round()+1 { // otherwise the server refuses it
			one.makes = &statement{hooks: &hooks{done: p.Done}, bind: p.Bind, kept: p.Keep}
			r.keepStatement(p.Name, one.makes)
		}
	}
	return &one
}

// followed notes that the server has executed a statement.
func (h *hooks) followed() {
	if h.makes != nil {
		h.makes.make()
	}
	if h.drops != nil {
		h.drops.gone.Store(true)
	}
}

func (r *requests) keepStatement(name string, s *statement) {
	if r.statements == nil {
		r.statements = map[string]*statement{}
	}
	s.era, s.round = &r.era, r.flow.round()
	if s.answer != nil {
		s.make()
	}
	r.statements[name] = s
	r.remembers.Store(true)
}

func (r *requests) keepPortal(name string, p *portal) {
	if r.portals == nil {
		r.portals = map[string]*portal{}
	}
	maps.DeleteFunc(r.portals, func(_ string, p *portal) bool { return r.flow.endedSince(p.round) })
	r.portals[name] = p
}

// dropStatement forgets a statement. Portals that were made from it live on, as
// they do in PostgreSQL.
func (r *requests) dropStatement(name string) {
	delete(r.statements, name)
	r.remembers.Store(len(r.statements)+len(r.portals) > 0)
}

// dropUnnamed forgets what a simple query destroys.
func (r *requests) dropUnnamed() {
	delete(r.portals, "")
	r.dropStatement("")
}

// forget follows the server where it has dropped all prepared statements.
func (r *requests) forget() {
	ended := r.era.ended.Load()
	if ended == r.swept {
		return
	}
	r.swept = ended
	maps.DeleteFunc(r.statements, func(_ string, s *statement) bool { return s.isGone() })
	clear(r.portals)
	r.remembers.Store(len(r.statements) > 0)
}
