package mirror

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"mzproxy/engine"
)

// Picture is all that is known of the server at one timestamp. It is a value that does not change: pictures share what is the same in them.
type Picture struct {
	At       Timestamp           // all rows of this time, and of none later, are in it
	Clusters map[string]*Cluster // that exist, by id
	// Strangers are ids in our tables that are no cluster's, or that stand for all clusters.
	Strangers map[string]*Cluster
	Sizes     []engine.Size // by name
	Roles     *Roles
	Tables    []Table // of ours, in schemas of the name of ours
	Lease     []Lease
	// Unknown says of signals why the server does not tell them.
	Unknown map[string]string

	inUse map[string]int64 // replicas by size
}

// Time is when it is of, by the server's clock.
func (p *Picture) Time() time.Time { return time.UnixMilli(int64(p.At)).UTC() }

// InUse are the credits per hour of all replicas.
func (p *Picture) InUse() (sum float64) {
	for _, size := range p.Sizes {
		sum += size.CreditsPerHour * float64(p.inUse[size.Name])
	}
	return sum
}

// count adds the replicas of a cluster to those that are in use, or takes them away.
func (p *Picture) count(c *Cluster, sign int64) {
	if c == nil {
		return
	}
	for _, r := range c.Replicas {
		if p.inUse[r.Size] += sign; p.inUse[r.Size] == 0 {
			delete(p.inUse, r.Size)
		}
	}
}

// Lease is a row of the lease table.
type Lease struct{ ID, Holder, Expires string }

// Table is one of our tables.
type Table struct {
	Name, Database string // of the table, of its database
	OwnerID        string
	Grants         []Grant
}

// Grant is a privilege, or several, that a role has on a table.
type Grant struct {
	Grantee string // id of a role; empty: everybody
	Letters string // as the server abbreviates them: a (INSERT), r (SELECT), w (UPDATE), d (DELETE)
}

func (m *Mirror) sizes() []engine.Size {
	var sizes []engine.Size
	m.all(tagSize, func(f fields) {
		s := engine.Size{Name: f.text(0)}
		if n := f.number(1); n != nil {
			s.Processes = *n
		}
		if n := f.number(2); n != nil {
			s.Workers = *n
		}
		s.CreditsPerHour, _ = strconv.ParseFloat(f.text(3), 64)
		sizes = append(sizes, s)
	})
	slices.SortFunc(sizes, func(a, b engine.Size) int { return strings.Compare(a.Name, b.Name) })
	return sizes
}

func (m *Mirror) lease() []Lease {
	var rows []Lease
	m.all(tagLease, func(f fields) { rows = append(rows, Lease{f.text(0), f.text(1), f.text(2)}) })
	slices.SortFunc(rows, func(a, b Lease) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Holder, b.Holder), strings.Compare(a.Expires, b.Expires))
	})
	return rows
}

func (m *Mirror) tables() []Table {
	databases, schemas := map[string]string{}, map[string]string{}
	m.all(tagDatabase, func(f fields) { databases[f.text(0)] = f.text(1) })
	m.all(tagSchema, func(f fields) { schemas[f.text(0)] = databases[f.text(1)] })
	var list []Table
	m.all(tagTable, func(f fields) {
		if database, ok := schemas[f.text(2)]; ok {
			list = append(list, Table{f.text(1), database, f.text(3), parseGrants(f.text(4))})
		}
	})
	slices.SortFunc(list, func(a, b Table) int {
		return cmp.Or(strings.Compare(a.Database, b.Database), strings.Compare(a.Name, b.Name), strings.Compare(a.OwnerID, b.OwnerID))
	})
	return list
}

// parseGrants reads privileges: {grantee=letters/grantor,...}.
func parseGrants(text string) []Grant {
	var grants []Grant
	for item := range strings.SplitSeq(strings.Trim(text, "{}"), ",") {
		grantee, rest, ok := strings.Cut(strings.Trim(item, `"`), "=")
		letters, _, _ := strings.Cut(rest, "/")
		if grantee == "p" {
			grantee = ""
		}
		if ok {
			grants = append(grants, Grant{grantee, letters})
		}
	}
	return grants
}
