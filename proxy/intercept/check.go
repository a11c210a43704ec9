package intercept

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// check is the examination of one write against the facts.
type check struct {
	*handler
	text    string // what positions count in
	foreign bool   // literals of the write stand in another text than text
	write   *rewrite.Write
	args    arguments
	was     *checked // what was made of it when it was prepared; nil: it is executed as it is checked
	catalog engine.Catalog
	role    *engine.Role
	fresh   bool            // catalog and role are of now
	strays  map[string]bool // cluster ids of rows that belong to no cluster

	selected selection // of an UPDATE or DELETE
	touched  []storedRow
	seen     []string // ids of the clusters that were looked at for it

	ids   map[string]bool // clusters concerned
	all   bool            // or any
	types []string        // strategy types of rows that are written; nil: any
	gone  []rowKey        // rows that are taken away, perhaps
	named map[string]cell // where the WHERE names a cluster, by id
	now   checked
	// ambiguous is set where the WHERE gives a text that means two clusters.
	ambiguous *proxy.Error
	edits     []pgtext.Edit // names to ids, in the text
	// params holds ids that are to take the place of parameters, by number.
	params map[int]string
}

// check examines a write, as far as its text and arguments tell.
func (h *handler) check(ctx context.Context, text string, w *rewrite.Write, args arguments) (*check, error) {
	return h.checkIn(ctx, text, &preparedWrite{text: text, write: w}, args)
}

// checkIn examines a write that stands in a text of its own, for a client that
// sent text.
func (h *handler) checkIn(ctx context.Context, text string, p *preparedWrite, args arguments) (*check, error) {
	catalog, err := h.factsCatalog(ctx)
	if err != nil {
		return nil, err
	}
	w := p.write
	c := &check{handler: h, text: text, foreign: text != p.text, write: w, args: args, was: p.checked, catalog: catalog,
		ids: map[string]bool{}, params: map[int]string{}, named: map[string]cell{}, now: checked{ids: map[pgtext.Span]string{}}}
	if err := c.privileged(ctx, privilegeFor[w.Op]); err != nil {
		return nil, err
	}
	switch {
	case w.Doubtful:
		err = c.opaque(ctx)
	case w.Op == rewrite.Insert:
		err = c.insert(ctx)
	case w.Op == rewrite.Update:
		err = c.update(ctx)
	case w.Op == rewrite.Delete:
		err = c.delete(ctx)
	default:
		err = c.opaque(ctx)
	}
	if err != nil {
		return nil, err
	}
	if err := c.flood(); err != nil {
		return nil, err
	}
	return c, c.limits(ctx)
}

// clusters are the ids of the clusters concerned; nil: any.
func (c *check) clusters() []string {
	if c.all {
		return nil
	}
	return c.clusterIDs()
}

// clusterIDs are the clusters that the write names, sorted.
func (c *check) clusterIDs() []string { return append([]string{}, slices.Sorted(maps.Keys(c.ids))...) }

// pending is the write as it waits for its commit.
func (c *check) pending(sent time.Time) pendingWrite {
	return pendingWrite{op: c.write.Op, clusters: c.clusters(), types: c.types, gone: c.gone, wrote: c.wrote(), sent: sent}
}

// wrote are the rows that the write stores, where all of them is known.
func (c *check) wrote() []wroteRow {
	var rows []wroteRow
	for _, row := range c.write.Rows {
		id, kind, config := c.resolve(row[rewrite.ColumnCluster]), c.resolve(row[rewrite.ColumnType]), c.resolve(row[rewrite.ColumnConfig])
		if info, err := findCluster(c.catalog, id.text); id.known && kind.known && config.known && err == nil {
			rows = append(rows, wroteRow{rowKey{info.ID, kind.text}, string(asStored(config.text))})
		}
	}
	if c.write.Op != rewrite.Update {
		return rows
	}
	for _, r := range c.touched {
		if row, known := c.becoming(r); known {
			rows = append(rows, row)
		}
	}
	return rows
}

// becoming is what an UPDATE makes of a row; known is false where that shows only when it runs.
func (c *check) becoming(r storedRow) (row wroteRow, known bool) {
	row = wroteRow{rowKey{r.cluster, r.row.Type}, string(asStored(string(r.row.Config)))}
	known = true
	set := func(column string) (string, bool) {
		v, ok := c.write.Sets(column)
		if !ok {
			return "", false
		}
		value := c.resolve(v)
		known = known && value.known
		return value.text, value.known
	}
	if text, ok := set(rewrite.ColumnCluster); ok {
		info, err := findCluster(c.catalog, text)
		row.cluster, known = info.ID, known && err == nil
	}
	if text, ok := set(rewrite.ColumnType); ok {
		row.strategy = text
	}
	if text, ok := set(rewrite.ColumnConfig); ok {
		row.config = string(asStored(text))
	}
	return row, known
}

func (c *check) resolve(v rewrite.Value) cell {
	value := c.args.resolve(v)
	if id, ok := c.was.id(v); ok {
		value.text = id
	}
	if c.foreign && value.param == 0 {
		value.at = nil
	}
	return value
}

// insert checks the rows. Of those that a query makes, what is the same in all of them.
func (c *check) insert(ctx context.Context) error {
	if len(c.write.Rows) == 0 {
		return c.opaque(ctx)
	}
	c.types = []string{}
	for _, row := range c.write.Rows {
		if err := c.row(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

// row checks one row of an INSERT.
func (c *check) row(ctx context.Context, row rewrite.Row) error {
	id := c.resolve(row[rewrite.ColumnCluster])
	kind := c.resolve(row[rewrite.ColumnType])
	switch {
	case id.known:
		if err := c.cluster(ctx, id); err != nil {
			return err
		}
	case id.hidden:
		if err := c.opaque(ctx); err != nil {
			return err
		}
	}
	c.concerns(kind)
	return c.strategy(kind, c.resolve(row[rewrite.ColumnConfig]), c.managed(id))
}

// concerns notes the strategy type of a row that is written.
func (c *check) concerns(kind cell) {
	if kind.hidden {
		c.types = nil
	}
	if c.types != nil && kind.known {
		c.types = append(c.types, kind.text)
	}
}

// managed tells whether a row is for a managed cluster.
func (c *check) managed(id cell) bool {
	info, e := findCluster(c.catalog, id.text)
	return id.known && e == nil && info.Managed
}

// strategy checks type and config of a row, for a managed cluster or another one.
func (c *check) strategy(kind, config cell, managed bool) error {
	if !kind.known {
		return c.json(config)
	}
	document := config.text
	if !config.known {
		document = "{}"
	}
	for _, p := range c.cfg.Registry.Validate(kind.text, []byte(document), engine.ValidateOptions{
		Sizes: c.catalog.Sizes, SizeAliases: c.tunables.Load().SizeAliases, EnableExperimental: c.cfg.EnableExperimental,
		Managed: managed, NoAutoScaling: c.catalog.NoAutoScaling,
	}) {
		switch {
		case p.OfType():
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

// cluster checks a cluster that gets a strategy, and puts its id in the place of its name. What speaks against it has to be so now.
func (c *check) cluster(ctx context.Context, v cell) error {
	c.catalog = c.seek(ctx, c.catalog, v.text)
	info, e, err := c.takes(ctx, v.text)
	if e != nil && e.Code != codeUndefined && !c.fresh {
		if err = c.refresh(ctx); err == nil {
			info, e, err = c.takes(ctx, v.text)
		}
	}
	switch {
	case err != nil:
		return err
	case e != nil:
		return v.fault(c.text, 0, "", e)
	}
	c.name(v, info)
	return nil
}

// takes finds the cluster that a text means, and says why it takes no strategy from the session's role; nil: it does.
func (c *check) takes(ctx context.Context, text string) (engine.ClusterInfo, *proxy.Error, error) {
	info, e := findCluster(c.catalog, text)
	if e == nil {
		e = unsuitable(info)
	}
	if e != nil {
		return info, e, nil
	}
	if e, err := c.mayManage(ctx, info); e != nil || err != nil {
		return info, e, err
	}
	return info, controllerMay(c.catalog, info), nil
}

// refresh goes on with the facts of now.
func (c *check) refresh(ctx context.Context) error {
	catalog, err := c.cfg.Catalog.Now(ctx)
	if err != nil {
		return unreachable(ctx, err)
	}
	c.fresh, c.catalog, c.role = true, catalog, nil
	c.facts = facts{at: time.Now(), catalog: catalog}
	return nil
}

// name notes a cluster as concerned, and rewrites its name.
func (c *check) name(v cell, info engine.ClusterInfo) {
	c.ids[info.ID] = true
	switch {
	case v.text == info.ID:
	case v.param > 0:
		c.params[v.param] = info.ID
	case v.at != nil && c.now.ids[v.at.Span] == "":
		c.now.ids[v.at.Span] = info.ID
		c.edits = append(c.edits, pgtext.Edit{Span: v.at.Span, Text: pgtext.QuoteLiteral(info.ID)})
	}
}

// limits refuses a write whose strategies would need more replicas than the server allows.
func (c *check) limits(ctx context.Context) error {
	if c.catalog.MaxReplicasPerCluster <= 0 || c.write.Op == rewrite.Delete || !c.crowded() || !c.complete() {
		return nil
	}
	_, before, after, err := c.cfg.Engine.WhatIf(ctx, c.planned(), c.apply)
	if err != nil {
		return unreachable(ctx, err)
	}
	for i, plan := range after.Clusters {
		for _, g := range plan.Guards {
			if g.Name != engine.GuardLimits || !g.Held || slices.Contains(before.Clusters[i].Guards, g) {
				continue
			}
			return c.place(g.Strategy).fault(c.text, 0, "", tooMany(plan.Name, g))
		}
	}
	return nil
}

// crowded tells whether a cluster concerned may come to its limit at all.
func (c *check) crowded() bool {
	wanted := max(len(c.write.Rows), 1) + c.replicas()
	for _, name := range c.types {
		if info, _ := c.cfg.Registry.Type(name); info.EachSize {
			wanted += len(c.catalog.Sizes)
		}
	}
	for id := range c.ids {
		info, ok := byID(c.catalog, id)
		if info.Managed { // old and new replicas stand beside one another for a while
			info.Replicas *= 2
		}
		if ok && info.Replicas+int64(wanted) > c.catalog.MaxReplicasPerCluster {
			return true
		}
	}
	return false
}

// replicas is how many replicas the rows that are written ask for by number.
func (c *check) replicas() (n int) {
	for _, row := range c.wrote() {
		var config struct{ Replicas float64 }
		if json.Unmarshal([]byte(row.config), &config) == nil {
			n += int(config.Replicas)
		}
	}
	return n
}

// place is where the write names a strategy, if it does.
func (c *check) place(strategy string) cell {
	values := []rewrite.Value{}
	for _, row := range c.write.Rows {
		values = append(values, row[rewrite.ColumnType])
	}
	if v, ok := c.write.Sets(rewrite.ColumnType); ok {
		values = append(values, v)
	}
	for _, v := range values {
		if value := c.resolve(v); value.known && value.text == strategy {
			return value
		}
	}
	return cell{}
}

func tooMany(cluster string, g engine.Guard) *proxy.Error {
	return &proxy.Error{Code: codeTooMany, Message: "strategy " + quoted(g.Strategy) + " needs more replicas than cluster " + quoted(cluster) + " may have",
		Detail: "By its plan, " + g.Cause + ".", Hint: "Drop replicas that are not needed, or raise the server's limit."}
}
