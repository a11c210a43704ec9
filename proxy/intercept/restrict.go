package intercept

import (
	"context"
	"fmt"
	"slices"

	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// checked is what a check has put into the text of a write: what is executed later is what was checked, whatever names mean then and
// whatever rows there are.
type checked struct {
	ids        map[pgtext.Span]string // of the clusters that literals name
	restricted bool                   // the rows that an UPDATE or DELETE touches are ...
	clusters   []string               // ... of these clusters
}

// id is the cluster that a literal stood for.
func (c *checked) id(v rewrite.Value) (string, bool) {
	if c == nil || v.Kind != rewrite.Literal {
		return "", false
	}
	id, ok := c.ids[v.Span]
	return id, ok
}

// restrict makes an UPDATE or DELETE that does not name clusters leave alone what its role may not change, also rows that come between
// the check and the execution.
func (c *check) restrict(ctx context.Context, rows []storedRow) error {
	role, err := c.who(ctx)
	if err != nil || c.write.Restricts() || role.Superuser || c.self.superuser(ctx) {
		return err
	}
	if c.was != nil {
		return c.asPrepared(rows)
	}
	c.now.restricted = true
	for _, info := range c.catalog.Clusters {
		if role.MayManage(info) {
			c.now.clusters = append(c.now.clusters, info.ID)
		}
	}
	for _, r := range rows {
		if !slices.Contains(c.now.clusters, r.cluster) { // of a cluster that is gone
			c.now.clusters = append(c.now.clusters, r.cluster)
		}
	}
	c.edits = append(c.edits, c.write.Restrict(c.now.clusters)...)
	return nil
}

// asPrepared refuses to execute a statement for clusters that it was not prepared for.
func (c *check) asPrepared(rows []storedRow) error {
	i := slices.IndexFunc(rows, func(r storedRow) bool { return !slices.Contains(c.was.clusters, r.cluster) })
	if i < 0 && c.was.restricted {
		return nil
	}
	e := &proxy.Error{Code: wire.CodeFeatureNotSupported, Message: "the statement was prepared for other clusters", Hint: "Prepare it again."}
	if i >= 0 {
		name := rows[i].cluster
		if info, ok := byID(c.catalog, name); ok {
			name = info.Name
		}
		e.Detail = fmt.Sprintf("It concerns cluster %s now, too.", quoted(name))
	}
	return e
}
