package materialize

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// Role finds the role of a session by the user name that the server accepted at its login. The session's own row in the
// catalog comes up to a second or two later than the session, the role's is there. Superuser is what the catalog knows: some servers tell
// it to the session itself alone. Where the server does not check privileges, everybody counts as superuser.
func (c *Client) Role(ctx context.Context, user string) (engine.Role, error) {
	r, super, err := c.roleNamed(ctx, user)
	if err != nil {
		return r, err
	}
	r.Superuser = super || c.show(ctx, "enable_rbac_checks") == "off"
	if r.Superuser {
		return r, nil
	}
	r.MemberOf, err = c.memberOf(ctx, r.ID)
	return r, err
}

// roleNamed finds the role that a user name stands for. The server may have folded the case of the name at login: the role
// of exactly this name counts, and without one the only role that differs in case alone.
func (c *Client) roleNamed(ctx context.Context, user string) (role engine.Role, super bool, err error) {
	type known struct {
		engine.Role
		super bool
	}
	var found []known
	err = c.query(ctx, "read role", "SELECT id, name, coalesce(rolsuper, false) FROM mz_catalog.mz_roles WHERE lower(name) = lower($1)", func(rows pgx.Rows) error {
		var k known
		err := rows.Scan(&k.ID, &k.Name, &k.super)
		found = append(found, k)
		return err
	}, user)
	if err != nil {
		return role, false, err
	}
	if i := slices.IndexFunc(found, func(k known) bool { return k.Name == user }); i >= 0 {
		return found[i].Role, found[i].super, nil
	}
	if len(found) != 1 {
		return role, false, fmt.Errorf("read role: %d roles are named %q but for letter case", len(found), user)
	}
	return found[0].Role, found[0].super, nil
}

// MayRead tells whether the server would let a role read one of our tables.
func (c *Client) MayRead(ctx context.Context, r engine.Role, table string) (bool, error) {
	if r.Superuser {
		return true, nil
	}
	var may *bool
	err := c.pool.QueryRow(ctx, "SELECT has_table_privilege($1, $2, 'SELECT')", r.Name, c.table(table)).Scan(&may)
	return may != nil && *may, wrapped("read privileges", err)
}

// MayWrite tells whether a role holds INSERT, UPDATE or DELETE on the table of the strategies.
func (c *Client) MayWrite(ctx context.Context, r engine.Role, privilege string) (bool, error) {
	if r.Superuser {
		return true, nil
	}
	var may *bool
	err := c.pool.QueryRow(ctx, "SELECT has_table_privilege($1, $2, $3)", r.Name, c.table(strategiesTable), privilege).Scan(&may)
	return may != nil && *may, wrapped("read privileges", err)
}

// memberOf returns the roles that a role is a member of, directly or not.
func (c *Client) memberOf(ctx context.Context, role string) ([]string, error) {
	groups, err := c.memberships(ctx)
	return reach(groups, role), err
}

// memberships are the roles that roles are members of directly.
func (c *Client) memberships(ctx context.Context) (map[string][]string, error) {
	groups := map[string][]string{}
	err := c.query(ctx, "read role members", "SELECT member, role_id FROM mz_catalog.mz_role_members", func(rows pgx.Rows) error {
		var member, group string
		err := rows.Scan(&member, &group)
		groups[member] = append(groups[member], group)
		return err
	})
	return groups, err
}

// reach is where memberships lead from a role.
func reach(groups map[string][]string, role string) []string {
	var all []string
	for next := []string{role}; len(next) > 0; next = next[1:] {
		for _, group := range groups[next[0]] {
			if !slices.Contains(all, group) {
				all = append(all, group)
				next = append(next, group)
			}
		}
	}
	return all
}

// controller is the role that the controller's own connections have.
func (c *Client) controller(ctx context.Context) (engine.Role, error) {
	r, err := c.Role(ctx, c.pool.Config().ConnConfig.User)
	if err == nil && c.show(ctx, "is_superuser") == "on" {
		r.Superuser = true
	}
	return r, err
}
