package intercept

import (
	"context"
	"fmt"
	"time"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// opaque is a write whose rows show only after the commit. It could name any
// cluster, so only a role that may manage all of them may do it.
func (c *check) opaque(ctx context.Context) error {
	c.all = true
	role, err := c.who(ctx)
	if err != nil || role.Superuser || c.self.superuser(ctx) {
		return err
	}
	detail, hint := "which clusters the statement is about", "Use INSERT with VALUES, and name the cluster in WHERE: cluster_id = '...'."
	if c.write.Doubtful {
		detail = "which table the statement means, because something in front of it in the same text changes that"
		hint = fmt.Sprintf("Name the table's schema, too: %s.%s.", pgtext.QuoteIdent(c.cfg.Schema), rewrite.Table)
	}
	return &proxy.Error{Code: codeNotAllowed, Message: fmt.Sprintf("permission denied for table %s", rewrite.Table),
		Detail: fmt.Sprintf("It cannot be told beforehand %s, and role %s may not manage every cluster.", detail, quoted(role.Name)), Hint: hint}
}

// privilegeFor are the privileges that writes take.
var privilegeFor = map[rewrite.Operation]string{rewrite.Insert: "INSERT", rewrite.Copy: "INSERT", rewrite.Update: "UPDATE", rewrite.Delete: "DELETE"}

// privileged refuses a role that the server would refuse, before anything is told of what is stored.
func (c *check) privileged(ctx context.Context, privilege string) error {
	role, err := c.who(ctx)
	if err != nil || privilege == "" || role.Superuser {
		return err
	}
	may, known := c.facts.may[privilege]
	if !known {
		if may, err = c.cfg.Catalog.MayWrite(ctx, role, privilege); err != nil {
			return unreachable(ctx, err)
		}
		if c.facts.may == nil {
			c.facts.may = map[string]bool{}
		}
		c.facts.may[privilege] = may
	}
	if may || c.self.superuser(ctx) {
		return nil
	}
	return &proxy.Error{Code: codeNotAllowed, Message: "permission denied for table " + rewrite.Table,
		Hint: fmt.Sprintf("Who owns the table can run GRANT %s ON %s TO %s.", privilege, rewrite.Table, pgtext.QuoteIdent(role.Name))}
}

// unnamed takes the name of a cluster out of a refusal, where the statement does not name it and the role may not read the table.
func (h *handler) unnamed(ctx context.Context, e *proxy.Error) *proxy.Error {
	if h.mayRead(ctx, &table{}, rewrite.Table) == nil {
		return e
	}
	return &proxy.Error{Code: codeNotAllowed, Message: "must be owner of every CLUSTER that is concerned", Hint: "Name clusters that you own."}
}

// who is the session's role.
func (c *check) who(ctx context.Context) (engine.Role, error) {
	if c.role == nil {
		role, err := c.factsRole(ctx)
		if err != nil {
			return role, unreachable(ctx, err)
		}
		c.role = &role
		c.self.admin = role.Superuser
	}
	return *c.role, nil
}

// mayManage tells whether the session's role could run the DDL itself: as
// superuser, as the cluster's owner, or as a member of the owning role.
func (c *check) mayManage(ctx context.Context, info engine.ClusterInfo) (*proxy.Error, error) {
	role, err := c.who(ctx)
	if err != nil || role.MayManage(info) || c.self.superuser(ctx) {
		return nil, err
	}
	return &proxy.Error{Code: codeNotAllowed, Message: "must be owner of CLUSTER " + info.Name,
		Detail: fmt.Sprintf("Role %s is neither superuser nor a member of %s, who owns the cluster.", quoted(role.Name), quoted(info.Owner))}, nil
}

// controllerMay is the error for a cluster that the controller may not change; nil: it may, as far as that is known.
func controllerMay(catalog engine.Catalog, info engine.ClusterInfo) *proxy.Error {
	role := catalog.Controller
	if role.ID == "" || role.MayManage(info) {
		return nil
	}
	return &proxy.Error{Code: codeNotAllowed, Message: fmt.Sprintf("the controller, role %s, may not change cluster %s", quoted(role.Name), quoted(info.Name)),
		Detail: fmt.Sprintf("The statements of strategies are run by it, and it is neither superuser nor a member of %s, who owns the cluster.", quoted(info.Owner)),
		Hint:   fmt.Sprintf("Run: GRANT %s TO %s;", pgtext.QuoteIdent(info.Owner), pgtext.QuoteIdent(role.Name))}
}

// mayManageAll lets through who may manage every cluster, those to come included.
func (h *handler) mayManageAll(ctx context.Context, what string) error {
	c := check{handler: h}
	role, err := c.who(ctx)
	if err != nil || role.Superuser || h.self.superuser(ctx) {
		return err
	}
	return &proxy.Error{Code: codeNotAllowed, Message: "must be superuser to " + what + " all clusters",
		Detail: "It counts for clusters of others, and for those that are yet to come.", Hint: "Name a cluster: FOR CLUSTER name."}
}

// actionsTable holds the audit rows.
const actionsTable = "mz_cluster_strategy_actions"

// privilegeTrust is how long it counts that a role may read a table: commands are repeated every second by
// \watch.
const privilegeTrust = 5 * time.Second

// mayRead lets an answer show what is in a table only to those who could read
// it there: the controller, on whose connection it is read, may see more than they.
func (h *handler) mayRead(ctx context.Context, t *table, name string) error {
	last := h.readable[name]
	if h.self.super || last.value && time.Since(last.at) < privilegeTrust {
		return nil
	}
	now, err := freshOrKept(ctx, last, t, func(ctx context.Context) (bool, error) {
		role, err := h.cfg.Catalog.Role(ctx, h.info.User)
		if err != nil {
			return false, err
		}
		may, err := h.cfg.Catalog.MayRead(ctx, role, name)
		return may || err == nil && h.self.superuser(ctx), err
	})
	if err != nil {
		return err
	}
	if h.readable == nil {
		h.readable = map[string]kept[bool]{}
	}
	h.readable[name] = now
	if now.value {
		return nil
	}
	return &proxy.Error{Code: codeNotAllowed, Message: "permission denied for table " + name,
		Detail: "What the command shows is read from that table.",
		Hint:   fmt.Sprintf("Who owns the table can run GRANT SELECT ON %s TO %s.", name, pgtext.QuoteIdent(h.info.User))}
}
