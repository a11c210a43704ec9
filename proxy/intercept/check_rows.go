package intercept

import (
	"context"
	"errors"
	"slices"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// storedRow is a row that is in the table.
type storedRow struct {
	cluster string // id
	row     engine.StrategyRow
}

// selection is what the WHERE of an UPDATE or DELETE lets through.
type selection struct {
	tests []func(storedRow) bool
	exact bool     // no more than the server will let through
	types []string // strategy types, if the WHERE names them
}

func (s selection) takes(r storedRow) bool {
	return !slices.ContainsFunc(s.tests, func(t func(storedRow) bool) bool { return !t(r) })
}

// selects reads the WHERE. It rewrites names of clusters and notes which are concerned.
func (c *check) selects(ctx context.Context) selection {
	s := selection{exact: !c.write.Opaque}
	named := false
	for _, condition := range c.write.Where {
		values, known := c.values(ctx, condition)
		switch {
		case condition.Negated || !known:
			s.exact = false
		case condition.Column == rewrite.ColumnCluster:
			named = true
			s.tests = append(s.tests, func(r storedRow) bool { return slices.Contains(values, r.cluster) })
		case condition.Column == rewrite.ColumnType:
			s.types = values
			s.tests = append(s.tests, func(r storedRow) bool { return slices.Contains(values, r.row.Type) })
		default:
			s.exact = false
		}
	}
	c.all = c.all || !named
	return s
}

// values resolves the constants of a condition. known is false where one of them shows
// only later.
func (c *check) values(ctx context.Context, condition rewrite.Condition) (values []string, known bool) {
	known = true
	for _, v := range condition.Values {
		value := c.resolve(v)
		if !value.known {
			known = known && value.null
			continue
		}
		text := value.text
		if condition.Column == rewrite.ColumnCluster {
			text = c.meant(ctx, value)
		}
		values = append(values, text)
	}
	return values, known
}

// meant is the id of the cluster that a condition names. A text that rows are stored under although it
// is no id means these rows.
func (c *check) meant(ctx context.Context, value cell) string {
	if !c.strays[value.text] {
		c.catalog = c.seek(ctx, c.catalog, value.text)
	}
	info, e := findCluster(c.catalog, value.text)
	switch {
	case c.strays[value.text], e != nil && e.Code == codeUndefined:
		c.ids[value.text] = true
		return value.text
	case e != nil:
		c.ambiguous = value.fault(c.text, 0, "", e)
		return value.text
	}
	c.name(value, info)
	c.named[info.ID] = value
	return info.ID
}

// stored returns the rows that a write touches, and checks that the role may
// touch them, and the clusters that it names.
func (c *check) stored(ctx context.Context) ([]storedRow, error) {
	if err := c.findStrays(ctx); err != nil {
		return nil, err
	}
	c.selected = c.selects(ctx)
	if c.ambiguous != nil {
		return nil, c.ambiguous
	}
	s, _, err := c.cfg.Engine.Explain(ctx, c.clusters()...)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	var rows []storedRow
	for _, cluster := range s.Clusters {
		c.seen = append(c.seen, cluster.ID)
		touched := c.ids[cluster.ID]
		for _, row := range cluster.Stored() {
			if r := (storedRow{cluster.ID, row}); c.selected.takes(r) {
				rows = append(rows, r)
				c.gone = append(c.gone, rowKey{cluster.ID, row.Type})
				touched = true
			}
		}
		if info, ok := byID(c.catalog, cluster.ID); ok && touched {
			if e, err := c.mayManage(ctx, info); err != nil {
				return nil, err
			} else if e != nil {
				if _, named := c.named[cluster.ID]; !named {
					return nil, c.unnamed(ctx, e)
				}
				return nil, c.named[cluster.ID].fault(c.text, 0, "", e)
			}
		}
	}
	for _, row := range s.StoredPauses() {
		if r := (storedRow{engine.AllClusters, row}); c.selected.takes(r) {
			c.gone = append(c.gone, rowKey{engine.AllClusters, row.Type})
			if err := c.mayManageAll(ctx, "change the pause of"); err != nil {
				return nil, err
			}
			rows, c.all = append(rows, r), true
		}
	}
	for _, stray := range s.Strays {
		if r := (storedRow{stray.ClusterID, stray.StrategyRow}); c.selected.takes(r) {
			rows = append(rows, r)
		}
	}
	c.touched = rows
	return rows, c.restrict(ctx, rows)
}

// findStrays finds out whether rows are stored under a cluster's name that the write gives.
func (c *check) findStrays(ctx context.Context) error {
	var names []string
	for _, condition := range c.write.Where {
		for _, v := range condition.Values {
			if value := c.resolve(v); value.known && condition.Column == rewrite.ColumnCluster && !c.isID(value.text) {
				names = append(names, value.text)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	s, _, err := c.cfg.Engine.Explain(ctx, names...)
	if err != nil {
		return unreachable(ctx, err)
	}
	c.strays = map[string]bool{}
	for _, stray := range s.Strays {
		c.strays[stray.ClusterID] = true
	}
	return nil
}

func (c *check) isID(text string) bool {
	return slices.ContainsFunc(c.catalog.Clusters, func(i engine.ClusterInfo) bool { return i.ID == text })
}

func (c *check) delete(ctx context.Context) error {
	c.types = []string{} // what goes supersedes nothing
	_, err := c.stored(ctx)
	return err
}

// update checks what the rows that an UPDATE touches will be.
func (c *check) update(ctx context.Context) error {
	if v, ok := c.write.Sets(rewrite.ColumnCluster); ok {
		switch target := c.resolve(v); {
		case target.known:
			if err := c.cluster(ctx, target); err != nil {
				return err
			}
		case target.hidden:
			if err := c.opaque(ctx); err != nil {
				return err
			}
		}
	}
	rows, err := c.stored(ctx)
	if err != nil {
		return err
	}
	after := change{}
	if v, ok := c.write.Sets(rewrite.ColumnType); ok {
		after.setsKind, after.kind = true, c.resolve(v)
	}
	if v, ok := c.write.Sets(rewrite.ColumnConfig); ok {
		after.setsConfig, after.config = true, c.resolve(v)
	}
	for _, r := range rows {
		c.types = append(c.types, r.row.Type)
	}
	if after.setsKind {
		c.types = []string{}
		c.concerns(after.kind)
	}
	target := cell{}
	if v, ok := c.write.Sets(rewrite.ColumnCluster); ok {
		target = c.resolve(v)
	}
	if err := c.strategy(after.kind, cell{}, c.managed(target)); err != nil {
		return err
	}
	if err := c.json(after.config); err != nil {
		return err
	}
	return c.becomes(rows, after, target)
}

// change is what an UPDATE makes of type and config.
type change struct {
	setsKind, setsConfig bool
	kind, config         cell
}

// becomes checks the rows as they will be: those that are there, and any other one whose type the
// statement tells.
func (c *check) becomes(rows []storedRow, after change, target cell) error {
	if after.config.known && !after.setsKind {
		for _, name := range c.selected.types {
			if err := c.strategy(cell{known: true, text: name}, after.config, false); err != nil {
				return err
			}
		}
	}
	if !after.setsKind && !after.setsConfig && !target.known || !c.selected.exact {
		return nil
	}
	for _, r := range rows {
		kind, config := after.kind, after.config
		if !after.setsKind {
			kind = cell{known: true, text: r.row.Type}
		}
		if !after.setsConfig { // what is wrong with it is so because of the new type
			config = cell{known: true, text: string(r.row.Config)}
		}
		if !config.known {
			continue
		}
		on := target
		if !on.known {
			on = cell{known: true, text: r.cluster}
		}
		err := c.strategy(kind, config, c.managed(on))
		var e *proxy.Error
		if errors.As(err, &e) && e.Position == 0 && !after.setsConfig {
			if !after.setsKind {
				kind = target
			}
			return kind.fault(c.text, 0, "", e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
