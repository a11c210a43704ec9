package engine

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Approval says that a row of mz_cluster_strategies, with exactly this content, was written by a role that might steer the cluster.
type Approval struct {
	ID        string
	ClusterID string // or AllClusters
	StrategyRow
	RoleID    string
	Role      string // its name then
	Superuser bool   // it was one
}

// Authority is who may steer what, as far as it decides which rows count.
type Authority struct {
	// Needed is set where a row counts only with an approval, and Why says for people why it is so, or is not.
	Needed    bool
	Why       string
	Approvals []Approval
	Clusters  []ClusterInfo
	Roles     []RoleInfo
	Open      bool // the server checks no privileges
}

// RoleInfo is a role as the catalog has it.
type RoleInfo struct {
	Role
	Ordinary bool // the catalog says that it is no superuser; some servers tell that to sessions alone
}

// Unapproved is a row that was written, changed or removed without authority.
type Unapproved struct {
	StrategyRow
	Why string
	// Counts is set where the row counts as it was approved, whatever the table says.
	Counts bool
}

// ended says why an approval no longer counts; "": it does.
func (a *Authority) ended(p *Approval) string {
	i := slices.IndexFunc(a.Roles, func(r RoleInfo) bool { return r.ID == p.RoleID })
	if i < 0 {
		return fmt.Sprintf("it was approved for role %q, which is gone", p.Role)
	}
	role := a.Roles[i]
	if a.Open || role.Superuser || p.Superuser && !role.Ordinary {
		return ""
	}
	no := fmt.Sprintf("it was approved for role %q, which may not steer the cluster any more", role.Name)
	k := slices.IndexFunc(a.Clusters, func(c ClusterInfo) bool { return c.ID == p.ClusterID })
	if k < 0 || !role.MayManage(a.Clusters[k]) {
		return no
	}
	return ""
}

// same tells whether two rows have the same content.
func (r *StrategyRow) same(other *StrategyRow) bool {
	if r.Type != other.Type || !bytes.Equal(r.Config, other.Config) || (r.UpdatedAt == nil) != (other.UpdatedAt == nil) {
		return false
	}
	return r.UpdatedAt == nil || r.UpdatedAt.Compare(*other.UpdatedAt) == 0
}

// admit tells which rows of a cluster count, and what is wrong with the others.
func (a *Authority) admit(clusterID string, stored []StrategyRow) (count []StrategyRow, findings []Unapproved) {
	why := make([]string, len(stored))
	approved := make([]bool, len(stored))
	for i := range a.Approvals {
		p := &a.Approvals[i]
		if p.ClusterID != clusterID {
			continue
		}
		end, there := a.ended(p), false
		for n := range stored {
			if stored[n].same(&p.StrategyRow) {
				there, why[n] = true, end
				approved[n] = approved[n] || end == ""
			}
		}
		again := func(r StrategyRow) bool { return r.same(&p.StrategyRow) }
		if end != "" || slices.ContainsFunc(count, again) {
			continue
		}
		if count = append(count, p.StrategyRow); !there {
			findings = append(findings, Unapproved{p.StrategyRow, "the row was changed or removed around the proxy; it counts as it was approved", true})
		}
	}
	for n, row := range stored {
		if !approved[n] {
			findings = append(findings, Unapproved{StrategyRow: row, Why: cmp.Or(why[n], "nobody who may steer the cluster has approved it")})
		}
	}
	order := func(x, y *StrategyRow) int {
		return cmp.Or(strings.Compare(x.Type, y.Type), bytes.Compare(x.Config, y.Config))
	}
	slices.SortStableFunc(count, func(x, y StrategyRow) int { return order(&x, &y) })
	slices.SortStableFunc(findings, func(x, y Unapproved) int { return order(&x.StrategyRow, &y.StrategyRow) })
	return count, findings
}

// Admit puts the rows that count in the place of those that are stored.
func (s *Snapshot) Admit(a Authority) {
	if !a.Needed {
		return
	}
	for i := range s.Clusters {
		c := &s.Clusters[i]
		c.Strategies, c.Unapproved = a.admit(c.ID, c.Strategies)
	}
	s.Pauses, s.UnapprovedPauses = a.admit(AllClusters, s.Pauses)
}

// Stored are the rows that are in the table, whether they count or not.
func (c *ClusterState) Stored() []StrategyRow { return inTable(c.Strategies, c.Unapproved) }

// StoredPauses are the rows in the table that pause all clusters, whether they count or not.
func (s *Snapshot) StoredPauses() []StrategyRow { return inTable(s.Pauses, s.UnapprovedPauses) }

func inTable(count []StrategyRow, findings []Unapproved) []StrategyRow {
	if len(findings) == 0 {
		return count
	}
	rows := slices.DeleteFunc(slices.Clone(count), func(r StrategyRow) bool {
		return slices.ContainsFunc(findings, func(u Unapproved) bool { return u.Counts && u.same(&r) })
	})
	for i := range findings {
		if u := &findings[i]; !u.Counts {
			rows = append(rows, u.StrategyRow)
		}
	}
	return rows
}

// unapproved are the findings about rows without authority, one for each type and reason.
func (c *ClusterState) unapproved() []Problem {
	var problems []Problem
	for i := range c.Unapproved {
		u := &c.Unapproved[i]
		if p := (Problem{u.Type, UnapprovedRow, u.Why}); !slices.Contains(problems, p) {
			problems = append(problems, p)
		}
	}
	return problems
}

// Approved are the clusters that have approvals.
func (a *Authority) Approved() []string {
	var ids []string
	for i := range a.Approvals {
		if id := a.Approvals[i].ClusterID; id != AllClusters {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Revision is what becomes of the approvals of a cluster's rows by somebody who may steer it.
type Revision struct {
	Add  []StrategyRow // that have no approval yet, or one that has ended
	Drop []string      // ids of approvals
}

// Revise tells what becomes of the approvals of a cluster: rows of the table that adds picks are approved, and approvals of types that ends
// picks end where their row is gone.
func (a *Authority) Revise(clusterID string, stored []StrategyRow, adds func(StrategyRow) bool, ends func(strategyType string) bool) Revision {
	var v Revision
	approved := make([]bool, len(stored))
	for i := range a.Approvals {
		p := &a.Approvals[i]
		if p.ClusterID != clusterID {
			continue
		}
		at := slices.IndexFunc(stored, func(r StrategyRow) bool { return r.same(&p.StrategyRow) })
		switch {
		case at < 0 && ends(p.Type), at >= 0 && a.ended(p) != "" && adds(stored[at]):
			v.Drop = append(v.Drop, p.ID)
		case at >= 0 && a.ended(p) == "":
			approved[at] = true
		}
	}
	for n, row := range stored {
		if !approved[n] && row.Fault == "" && adds(row) {
			v.Add = append(v.Add, row)
		}
	}
	return v
}
