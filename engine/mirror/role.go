package mirror

import (
	"maps"
	"slices"
	"strings"

	"mzproxy/engine"
)

// Roles are the roles of the server, with who is a member of whom.
type Roles struct {
	byID   map[string]role
	byName map[string][]string // ids, by the name in lower case
	groups map[string][]string // what a role is a member of, directly
}

type role struct {
	name     string
	super    bool
	ordinary bool // the catalog says that it is no superuser
}

func (m *Mirror) roles() *Roles {
	r := &Roles{byID: map[string]role{}, byName: map[string][]string{}, groups: map[string][]string{}}
	m.all(tagRole, func(f fields) {
		id, name := f.text(0), f.text(1)
		r.byID[id] = role{name, f.truth(2), f[2] != nil && !f.truth(2)}
		r.byName[strings.ToLower(name)] = append(r.byName[strings.ToLower(name)], id)
	})
	m.all(tagMember, func(f fields) { r.groups[f.text(1)] = append(r.groups[f.text(1)], f.text(0)) })
	for _, list := range r.groups {
		slices.Sort(list)
	}
	return r
}

// Named finds the role that a user name stands for. The server may have folded the case of the name at login: the role of exactly
// this name counts, and without one the only role that differs in case alone. Superuser is what the catalog knows: some servers tell it to the
// session itself alone.
func (r *Roles) Named(user string) (engine.Role, bool) {
	ids := r.byName[strings.ToLower(user)]
	i := slices.IndexFunc(ids, func(id string) bool { return r.byID[id].name == user })
	if i < 0 && len(ids) != 1 {
		return engine.Role{}, false
	}
	id := ids[max(i, 0)]
	return engine.Role{ID: id, Name: r.byID[id].name, Superuser: r.byID[id].super, MemberOf: r.memberOf(id)}, true
}

// All are the roles, sorted by id.
func (r *Roles) All() []engine.RoleInfo {
	list := make([]engine.RoleInfo, 0, len(r.byID))
	for _, id := range slices.Sorted(maps.Keys(r.byID)) {
		known := r.byID[id]
		list = append(list, engine.RoleInfo{Role: engine.Role{ID: id, Name: known.name, Superuser: known.super, MemberOf: r.memberOf(id)}, Ordinary: known.ordinary})
	}
	return list
}

// Name is the name of a role; empty: there is none of that id.
func (r *Roles) Name(id string) string { return r.byID[id].name }

// memberOf lists the roles that a role is a member of, directly or not.
func (r *Roles) memberOf(id string) []string {
	var all []string
	for next := []string{id}; len(next) > 0; next = next[1:] {
		for _, group := range r.groups[next[0]] {
			if !slices.Contains(all, group) {
				all = append(all, group)
				next = append(next, group)
			}
		}
	}
	return all
}
