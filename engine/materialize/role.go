package materialize

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/engine/mirror"
)

// Role finds the role of a session by the user name that the server accepted at its login. The session's own row in the
// catalog comes up to a second or two later than the session, the role's is there, or is asked for: an unknown user gets a role at login. Superuser is
// what the catalog knows: some servers tell it to the session itself alone. Where the server does not check privileges, everybody counts as superuser.
func (c *Client) Role(ctx context.Context, user string) (engine.Role, error) {
	v, err := c.world.see(ctx)
	if err != nil {
		return engine.Role{}, err
	}
	r, ok := v.Roles.Named(user)
	if !ok {
		if r, err = c.newRole(ctx, user); err != nil {
			return r, err
		}
	}
	r.Superuser = r.Superuser || v.open
	return r, nil
}

// newRole asks for a role that no picture shows yet. It has been granted nothing that counts.
func (c *Client) newRole(ctx context.Context, user string) (role engine.Role, err error) {
	n := 0
	err = c.query(ctx, "read role", "SELECT id, name FROM mz_catalog.mz_roles WHERE name = $1 OR lower(name) = lower($1)", func(rows pgx.Rows) error {
		n++
		var found engine.Role
		err := rows.Scan(&found.ID, &found.Name)
		if n == 1 || found.Name == user {
			role = found
		}
		return err
	}, user)
	if err == nil && n != 1 && role.Name != user {
		err = fmt.Errorf("read role: %d roles are named %q but for letter case", n, user)
	}
	return role, err
}

// MayRead tells whether the server would let a role read one of our tables. That it would not has to be so now: it may have been granted a moment ago.
func (c *Client) MayRead(ctx context.Context, r engine.Role, table string) (bool, error) {
	return c.holds(ctx, r, table, "r")
}

// MaySeeUse tells whether the server would let a role read when clusters were used.
func (c *Client) MaySeeUse(ctx context.Context, r engine.Role) (bool, error) {
	if r.Superuser {
		return true, nil
	}
	var may *bool
	err := c.pool.QueryRow(ctx, "SELECT has_table_privilege($1, 'mz_internal.mz_recent_activity_log_redacted', 'SELECT')", r.Name).Scan(&may)
	return may != nil && *may, wrapped("read privileges", err)
}

// MayWrite tells whether a role holds INSERT, UPDATE or DELETE on the table of the strategies.
func (c *Client) MayWrite(ctx context.Context, r engine.Role, privilege string) (bool, error) {
	return c.holds(ctx, r, strategiesTable, map[string]string{"INSERT": "a", "UPDATE": "w", "DELETE": "d"}[privilege])
}

func (c *Client) holds(ctx context.Context, r engine.Role, table, letter string) (bool, error) {
	if r.Superuser {
		return true, nil
	}
	v, err := c.world.see(ctx)
	if err != nil || v.may(r, table, letter) {
		return err == nil, err
	}
	c.Touch()
	if v, err = c.world.seeTouched(ctx); err != nil {
		return false, err
	}
	now, _ := v.Roles.Named(r.Name)
	return v.may(now, table, letter), nil
}

// may tells whether a role has a privilege on one of our tables: as owner, granted to it, to a role that it is a member of, or to everybody.
func (v *view) may(r engine.Role, table, letter string) bool {
	is := func(id string) bool { return id == r.ID || slices.Contains(r.MemberOf, id) }
	for _, t := range v.Tables {
		if t.Name != table || t.Database != v.database {
			continue
		}
		return is(t.OwnerID) || slices.ContainsFunc(t.Grants, func(g mirror.Grant) bool {
			return (g.Grantee == "" || is(g.Grantee)) && strings.Contains(g.Letters, letter)
		})
	}
	return false
}

// controller is the role that the controller's own connections have.
func (c *Client) controller(v *view) (engine.Role, bool) {
	r, ok := v.Roles.Named(c.pool.Config().ConnConfig.User)
	r.Superuser = r.Superuser || v.open || v.super
	return r, ok
}
