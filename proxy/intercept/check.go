package intercept

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// check is the examination of one write against the facts.
type check struct {
	*handler
	text    string // what positions count in
	foreign bool   // literals of the write stand in another text than text
	write   *rewrite.Write
	args    arguments
	catalog engine.Catalog
	role    *engine.Role

	ids   map[string]bool // clusters concerned
	all   bool            // or any
	edits []rewrite.Edit  // names to ids, in the text
	// params holds ids that are to take the place of parameters, by number.
	params map[int]string
}

// check examines a write, as far as its text and arguments tell.
func (h *handler) check(ctx context.Context, text string, w *rewrite.Write, args arguments) (*check, error) {
	return h.checkIn(ctx, text, text, w, args)
}

// checkIn examines a write whose literals stand in source, for a client that
// sent text.
func (h *handler) checkIn(ctx context.Context, text, source string, w *rewrite.Write, args arguments) (*check, error) {
	catalog, err := h.cfg.Catalog.Catalog(ctx)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	c := &check{handler: h, text: text, foreign: text != source, write: w, args: args, catalog: catalog, ids: map[string]bool{}, params: map[int]string{}}
	steps := map[rewrite.Operation]func(context.Context) error{
		rewrite.Insert: c.insert, rewrite.Copy: c.copy, rewrite.Update: c.update, rewrite.Delete: c.delete,
	}
	if err := steps[w.Op](ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// clusters are the ids of the clusters concerned; nil: any.
func (c *check) clusters() []string {
	if c.all {
		return nil
	}
	return append([]string{}, slices.Sorted(maps.Keys(c.ids))...)
}

func (c *check) resolve(v rewrite.Value) cell {
	value := c.args.resolve(v)
	if c.foreign && value.param == 0 {
		value.at = nil
	}
	return value
}

func (c *check) insert(ctx context.Context) error {
	for _, row := range c.write.Rows {
		if err := c.row(ctx, row); err != nil {
			return err
		}
	}
	if c.write.Opaque {
		return c.opaque(ctx)
	}
	return nil
}

func (c *check) copy(ctx context.Context) error { return c.opaque(ctx) }

// opaque is a write whose rows show only after the commit. It could name any
// cluster, so only a role that may manage all of them may do it.
func (c *check) opaque(ctx context.Context) error {
	c.all = true
	role, err := c.who(ctx)
	if err != nil || role.Superuser {
		return err
	}
	return &proxy.Error{Code: codeNotAllowed, Message: fmt.Sprintf("permission denied for table %s", rewrite.Table),
		Detail: fmt.Sprintf("The statement's rows cannot be checked beforehand, and role %q may not manage every cluster.", role.Name),
		Hint:   "Use INSERT with VALUES."}
}

// row checks one row of an INSERT.
func (c *check) row(ctx context.Context, row rewrite.Row) error {
	id := c.resolve(row[rewrite.ColumnCluster])
	kind := c.resolve(row[rewrite.ColumnType])
	config := c.resolve(row[rewrite.ColumnConfig])
	switch {
	case id.known:
		if err := c.cluster(ctx, id); err != nil {
			return err
		}
	case !id.null && id.param == 0: // an expression
		if err := c.opaque(ctx); err != nil {
			return err
		}
	}
	return c.strategy(kind, config)
}

// strategy checks type and config of a row.
func (c *check) strategy(kind, config cell) error {
	if !kind.known {
		return c.json(config)
	}
	document := config.text
	if !config.known {
		document = "{}"
	}
	for _, p := range c.cfg.Registry.Validate(kind.text, []byte(document), engine.ValidateOptions{
		Sizes: c.catalog.Sizes, SizeAliases: c.cfg.SizeAliases, EnableExperimental: c.cfg.EnableExperimental,
	}) {
		switch {
		case p.Code == engine.UnknownType || p.Code == engine.Experimental:
			return kind.configFault(c.text, p)
		case config.known:
			return config.configFault(c.text, p)
		}
	}
	return nil
}

// json checks a config whose type is not known.
func (c *check) json(config cell) error {
	if !config.known {
		return nil
	}
	for _, p := range c.cfg.Registry.Validate(engine.PauseType, []byte(config.text), engine.ValidateOptions{}) {
		if p.Code == engine.NotJSON {
			return config.configFault(c.text, p)
		}
	}
	return nil
}

// cluster checks a cluster that gets a strategy, and puts its id in the place of its name.
func (c *check) cluster(ctx context.Context, v cell) error {
	info, ok := c.lookup(v.text)
	if !ok {
		return v.fault(c.text, 0, "", c.unknownCluster(v.text))
	}
	if e := unsuitable(info); e != nil {
		return v.fault(c.text, 0, "", e)
	}
	if e, err := c.mayManage(ctx, info); err != nil {
		return err
	} else if e != nil {
		return v.fault(c.text, 0, "", e)
	}
	c.name(v, info)
	return nil
}

// name notes a cluster as concerned, and rewrites its name.
func (c *check) name(v cell, info engine.ClusterInfo) {
	c.ids[info.ID] = true
	switch {
	case v.text == info.ID:
	case v.param > 0:
		c.params[v.param] = info.ID
	case v.at != nil:
		c.edits = append(c.edits, rewrite.Edit{Span: v.at.Span, Text: rewrite.QuoteLiteral(info.ID)})
	}
}

// lookup finds a cluster by id, or by name.
func (c *check) lookup(text string) (engine.ClusterInfo, bool) { return findCluster(c.catalog, text) }

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

func (c *check) unknownCluster(name string) *proxy.Error { return unknownCluster(c.catalog, name) }

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
	return &proxy.Error{Code: codeUndefined, Message: fmt.Sprintf("unknown cluster %q", name), Hint: hint}
}

// unsuitable says why a cluster takes no strategies; nil: it does.
func unsuitable(info engine.ClusterInfo) *proxy.Error {
	switch {
	case !strings.HasPrefix(info.ID, "u"):
		return &proxy.Error{Code: codeWrongState, Message: fmt.Sprintf("cluster %q is a system cluster", info.Name),
			Detail: "The replicas of system clusters are not for strategies."}
	case info.Control:
		return &proxy.Error{Code: codeWrongState, Message: fmt.Sprintf("cluster %q is the control cluster", info.Name),
			Detail: "The proxy itself runs its queries there, so it may never be suspended.",
			Hint:   "Use another cluster, or start the proxy with another --control-cluster."}
	case info.Managed:
		return &proxy.Error{Code: codeWrongState, Message: fmt.Sprintf("cluster %q is managed", info.Name),
			Detail: "The system itself creates and drops the replicas of a managed cluster.",
			Hint:   "Make it unmanaged with ALTER CLUSTER " + engine.QuoteIdent(info.Name) + " SET (MANAGED = false)."}
	}
	return nil
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
		Detail: fmt.Sprintf("Role %q is neither superuser nor a member of %q, who owns the cluster.", role.Name, info.Owner)}, nil
}
