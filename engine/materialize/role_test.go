package materialize_test

import (
	"slices"
	"testing"
)

// A session's role is the one of its user name, as the server may have folded it at login: nothing else of the session has to be there.
func TestRole(t *testing.T) {
	r := newRig(t, ownServer(t), rigOptions{stopped: true, noLease: true})
	for _, name := range []string{"Folded.One@example.com", "two_Ways", "Two_ways"} {
		r.run(t, "CREATE ROLE %q", name)
	}
	r.run(t, "CREATE ROLE folding_team")
	r.run(t, `GRANT folding_team TO "Folded.One@example.com"`)
	for user, want := range map[string]string{
		"Folded.One@example.com": "Folded.One@example.com",
		"folded.one@EXAMPLE.com": "Folded.One@example.com",
		"two_Ways":               "two_Ways",
		"Two_ways":               "Two_ways",
		"two_ways":               "", // could be either
		"nobody of that name":    "",
	} {
		role, err := r.client.Role(t.Context(), user)
		if want == "" && err == nil || want != "" && err != nil {
			t.Errorf("%q: error %v", user, err)
		}
		if want != "" && (role.Name != want || role.ID == "" || role.Superuser) {
			t.Errorf("%q is %+v, not %q", user, role, want)
		}
	}
	team := r.value(t, "SELECT id FROM mz_catalog.mz_roles WHERE name = 'folding_team'")
	if role, err := r.client.Role(t.Context(), "folded.one@example.com"); err != nil || !slices.Equal(role.MemberOf, []string{team}) {
		t.Errorf("member of %q, error %v; want %q", role.MemberOf, err, team)
	}
}
