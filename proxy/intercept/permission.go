package intercept

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// opaque is a write whose rows show only after the commit. It could name any
// cluster, so only a role that may manage all of them may do it.
func (c *check) opaque(ctx context.Context) error {
	c.all = true
	role, err := c.who(ctx)
	if err != nil || role.Superuser {
		return err
	}
	if c.write.Doubtful {
		return &proxy.Error{Code: codeNotAllowed, Message: fmt.Sprintf("permission denied for table %s", rewrite.Table),
			Detail: fmt.Sprintf("It cannot be told beforehand which table the name stands for, because the same text changes what it means, and role %s may not manage every cluster.", quoted(role.Name)),
			Hint:   fmt.Sprintf("Write the table's schema, too: %s.", engine.QuoteIdent(c.cfg.Schema)+"."+rewrite.Table)}
	}
	return &proxy.Error{Code: codeNotAllowed, Message: fmt.Sprintf("permission denied for table %s", rewrite.Table),
		Detail: fmt.Sprintf("It cannot be told beforehand which clusters the statement is about, and role %s may not manage every cluster.", quoted(role.Name)),
		Hint:   "Use INSERT with VALUES, and name the cluster in WHERE: cluster_id = '...'."}
}

// who is the session's role.
func (c *check) who(ctx context.Context) (engine.Role, error) {
	if c.role == nil {
		role, err := c.cfg.Catalog.Role(ctx, c.info.BackendPID)
		if err != nil {
			return role, unreachable(ctx, err)
		}
		c.role = &role
	}
	return *c.role, nil
}

// mayManage tells whether the session's role could run the DDL itself: as
// superuser, as the cluster's owner, or as a member of the owning role.
func (c *check) mayManage(ctx context.Context, info engine.ClusterInfo) (*proxy.Error, error) {
	role, err := c.who(ctx)
	if err != nil || role.Superuser || role.ID == info.OwnerID || slices.Contains(role.MemberOf, info.OwnerID) {
		return nil, err
	}
	return &proxy.Error{Code: codeNotAllowed, Message: "must be owner of CLUSTER " + info.Name,
		Detail: fmt.Sprintf("Role %s is neither superuser nor a member of %s, who owns the cluster.", quoted(role.Name), quoted(info.Owner))}, nil
}

// actionsTable holds the audit rows.
const actionsTable = "mz_cluster_strategy_actions"

// reading lets an answer show what is in a table only to those who could read
// it there: the controller, on whose connection it is read, may see more than they.
func (h *handler) reading(table string, a *proxy.Answer) *proxy.Answer {
	run := a.Run
	a.Run = func(ctx context.Context, w proxy.ResultWriter) (string, error) {
		if err := h.mayRead(ctx, table); err != nil {
			return "", err
		}
		return run(ctx, w)
	}
	return a
}

// mayRead asks the server; while it is slow or away what it said last counts.
func (h *handler) mayRead(ctx context.Context, table string) error {
	may, known := h.readable[table]
	asking := ctx
	if known {
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, freshWait)
		defer cancel()
	}
	role, err := h.cfg.Catalog.Role(asking, h.info.BackendPID)
	if err == nil {
		var answer bool
		if answer, err = h.cfg.Catalog.MayRead(asking, role, table); err == nil {
			may = answer
			if h.readable == nil {
				h.readable = map[string]bool{}
			}
			h.readable[table] = may
		}
	}
	switch {
	case err != nil && (!known || ctx.Err() != nil):
		return unreachable(ctx, err)
	case !may:
		return &proxy.Error{Code: codeNotAllowed, Message: "permission denied for table " + table,
			Detail: "What the command shows is read from that table.",
			Hint:   fmt.Sprintf("Who owns the table can run GRANT SELECT ON %s TO %s.", table, engine.QuoteIdent(h.info.User))}
	}
	return nil
}

// findCluster finds a cluster by id, or by name.
func findCluster(catalog engine.Catalog, text string) (engine.ClusterInfo, bool) {
	for _, by := range []func(engine.ClusterInfo) string{
		func(i engine.ClusterInfo) string { return i.ID },
		func(i engine.ClusterInfo) string { return i.Name },
	} {
		for _, info := range catalog.Clusters {
			if by(info) == text {
				return info, true
			}
		}
	}
	return engine.ClusterInfo{}, false
}

func unknownCluster(catalog engine.Catalog, name string) *proxy.Error {
	var names []string
	for _, info := range catalog.Clusters {
		if strings.HasPrefix(info.ID, "u") {
			names = append(names, info.Name)
		}
	}
	hint := engine.Perhaps(name, names)
	if hint == "" {
		hint = "SHOW CLUSTERS lists the clusters."
	}
	return &proxy.Error{Code: codeUndefined, Message: "unknown cluster " + quoted(name), Hint: hint}
}

// unsuitable says why a cluster takes no strategies; nil: it does.
func unsuitable(info engine.ClusterInfo) *proxy.Error {
	switch {
	case !strings.HasPrefix(info.ID, "u"):
		return &proxy.Error{Code: codeWrongState, Message: "cluster " + quoted(info.Name) + " is a system cluster",
			Detail: "The replicas of system clusters are not for strategies."}
	case info.Control:
		return &proxy.Error{Code: codeWrongState, Message: "cluster " + quoted(info.Name) + " is the control cluster",
			Detail: "The proxy itself runs its queries there, so it may never be suspended.",
			Hint:   "Use another cluster, or start the proxy with another --control-cluster."}
	case info.Managed:
		return &proxy.Error{Code: codeWrongState, Message: "cluster " + quoted(info.Name) + " is managed",
			Detail: "The system itself creates and drops the replicas of a managed cluster.",
			Hint:   "Make it unmanaged with ALTER CLUSTER " + engine.QuoteIdent(info.Name) + " SET (MANAGED = false)."}
	}
	return nil
}
