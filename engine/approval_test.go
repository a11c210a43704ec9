package engine

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// rowOf is a row of the first second, with a config of its own.
func rowOf(kind, config string) StrategyRow {
	at := At(time.Unix(0, 0).UTC())
	return StrategyRow{Type: kind, Config: json.RawMessage(config), UpdatedAt: &at}
}

// authority has alice, who owns u1, bob, a member of alice, carol, and root; of the approvals given.
func authority(approvals ...Approval) Authority {
	return Authority{Needed: true, Approvals: approvals, Clusters: []ClusterInfo{{ID: "u1", Name: "prod", OwnerID: "r1"}, {ID: "u2", Name: "staging", OwnerID: "r9"}}, Roles: []RoleInfo{
		{Role: Role{ID: "r1", Name: "alice"}, Ordinary: true}, {Role: Role{ID: "r2", Name: "bob", MemberOf: []string{"r1"}}, Ordinary: true},
		{Role: Role{ID: "r3", Name: "carol"}, Ordinary: true}, {Role: Role{ID: "r4", Name: "root", Superuser: true}}, {Role: Role{ID: "r5", Name: "admin"}}}}
}

func approval(role string, row StrategyRow) Approval {
	return Approval{ID: "of " + role, ClusterID: "u1", StrategyRow: row, RoleID: role, Role: role, Superuser: role == "r4" || role == "r5"}
}

// A row counts with the approval of a role that may steer the cluster now, and as it was approved.
func TestAdmit(t *testing.T) {
	row, other := rowOf("burst", `{"a": 1}`), rowOf("burst", `{"a": 2}`)
	later := row
	moment := At(time.Unix(1, 0).UTC())
	later.UpdatedAt = &moment
	for name, test := range map[string]struct {
		approvals []Approval
		stored    []StrategyRow
		count     int
		findings  string
	}{
		"the owner's":                    {[]Approval{approval("r1", row)}, []StrategyRow{row}, 1, ""},
		"a member's":                     {[]Approval{approval("r2", row)}, []StrategyRow{row}, 1, ""},
		"a superuser's":                  {[]Approval{approval("r4", row)}, []StrategyRow{row}, 1, ""},
		"a superuser's by session alone": {[]Approval{approval("r5", row)}, []StrategyRow{row}, 1, ""},
		"a stranger's":                   {[]Approval{approval("r3", row)}, []StrategyRow{row}, 0, "may not steer"},
		"of a role that is gone":         {[]Approval{approval("r8", row)}, []StrategyRow{row}, 0, "is gone"},
		"nobody's":                       {nil, []StrategyRow{row}, 0, "nobody"},
		"changed":                        {[]Approval{approval("r1", row)}, []StrategyRow{other}, 1, "changed or removed, nobody"},
		"dated anew":                     {[]Approval{approval("r1", row)}, []StrategyRow{later}, 1, "changed or removed, nobody"},
		"removed":                        {[]Approval{approval("r1", row)}, nil, 1, "changed or removed"},
		"approved twice":                 {[]Approval{approval("r1", row), approval("r2", row)}, []StrategyRow{row}, 1, ""},
		"one of two still holds":         {[]Approval{approval("r3", row), approval("r2", row)}, []StrategyRow{row}, 1, ""},
		"two rows":                       {[]Approval{approval("r1", row)}, []StrategyRow{row, other}, 1, "nobody"},
	} {
		s := Snapshot{Clusters: []ClusterState{{ID: "u1", Strategies: test.stored}, {ID: "u2", Strategies: []StrategyRow{row}}}}
		s.Admit(authority(test.approvals...))
		c := s.Clusters[0]
		var findings []string
		for _, u := range c.Unapproved {
			for _, word := range []string{"may not steer", "is gone", "nobody", "changed or removed"} {
				if strings.Contains(u.Why, word) {
					findings = append(findings, word)
				}
			}
		}
		if got := strings.Join(findings, ", "); len(c.Strategies) != test.count || got != test.findings {
			t.Errorf("%s: %d count, %q", name, len(c.Strategies), got)
		}
		if diff := cmp.Diff(len(test.stored), len(c.Stored())); diff != "" {
			t.Errorf("%s: stored rows\n%s", name, diff)
		}
		if len(s.Clusters[1].Strategies) != 0 {
			t.Errorf("%s: an approval counts for another cluster", name)
		}
	}
	s := Snapshot{Clusters: []ClusterState{{ID: "u1", Strategies: []StrategyRow{row}}}}
	if s.Admit(Authority{}); len(s.Clusters[0].Strategies) != 1 || len(s.Clusters[0].Unapproved) != 0 {
		t.Error("rows are held back where none needs an approval")
	}
}

// What is written with authority is approved, what is taken away no longer is, and nothing else changes.
func TestRevise(t *testing.T) {
	row, other, idle := rowOf("burst", `{"a": 1}`), rowOf("burst", `{"a": 2}`), rowOf("idle_suspend", `{}`)
	only := func(config string) func(StrategyRow) bool {
		return func(r StrategyRow) bool { return string(r.Config) == config }
	}
	burst := func(kind string) bool { return kind == "burst" }
	for name, test := range map[string]struct {
		approvals []Approval
		stored    []StrategyRow
		adds      func(StrategyRow) bool
		add, drop int
	}{
		"a new row":                      {nil, []StrategyRow{row, other}, only(`{"a": 1}`), 1, 0},
		"a changed row":                  {[]Approval{approval("r1", row)}, []StrategyRow{other}, only(`{"a": 2}`), 1, 1},
		"a row that is gone":             {[]Approval{approval("r1", row)}, nil, only(""), 0, 1},
		"another type that is gone":      {[]Approval{approval("r1", idle)}, nil, only(""), 0, 0},
		"an approval that has ended":     {[]Approval{approval("r3", row)}, []StrategyRow{row}, only(`{"a": 1}`), 1, 1},
		"an approval that holds":         {[]Approval{approval("r1", row)}, []StrategyRow{row}, only(`{"a": 1}`), 0, 0},
		"a row that was written besides": {[]Approval{approval("r1", row)}, []StrategyRow{row, other}, only(`{"a": 1}`), 0, 0},
	} {
		a := authority(test.approvals...)
		if v := a.Revise("u1", test.stored, test.adds, burst); len(v.Add) != test.add || len(v.Drop) != test.drop {
			t.Errorf("%s: %+v", name, v)
		}
	}
}
