package intercept

import (
	"context"
	"slices"

	"mzproxy/engine"
	"mzproxy/rewrite"
)

// storedRow is a row that is in the table.
type storedRow struct {
	cluster string // id
	row     engine.StrategyRow
}

// selects reads the WHERE of an UPDATE or DELETE: it rewrites names of clusters, notes
// which are concerned, and returns a test for rows. exact is false where the test lets
// more rows through than the server will.
func (c *check) selects() (test func(storedRow) bool, exact bool) {
	exact = !c.write.Opaque
	var tests []func(storedRow) bool
	named := false
	for _, condition := range c.write.Where {
		values, known := c.values(condition)
		switch {
		case condition.Negated || !known:
			exact = false
		case condition.Column == rewrite.ColumnCluster:
			named = true
			tests = append(tests, func(r storedRow) bool { return slices.Contains(values, r.cluster) })
		case condition.Column == rewrite.ColumnType:
			tests = append(tests, func(r storedRow) bool { return slices.Contains(values, r.row.Type) })
		default:
			exact = false
		}
	}
	if !named {
		c.all = true
	}
	return func(r storedRow) bool {
		return !slices.ContainsFunc(tests, func(t func(storedRow) bool) bool { return !t(r) })
	}, exact
}

// values resolves the constants of a condition. known is false where one of them shows
// only later.
func (c *check) values(condition rewrite.Condition) (values []string, known bool) {
	known = true
	for _, v := range condition.Values {
		value := c.resolve(v)
		if !value.known {
			known = known && value.null
			continue
		}
		text := value.text
		if condition.Column == rewrite.ColumnCluster {
			if info, ok := c.lookup(text); ok {
				c.name(value, info)
				text = info.ID
			} else {
				c.ids[text] = true // of a cluster that is gone
			}
		}
		values = append(values, text)
	}
	return values, known
}

// stored returns the rows that a write touches, and checks that the role may
// touch them.
func (c *check) stored(ctx context.Context) (rows []storedRow, exact bool, err error) {
	test, exact := c.selects()
	s, _, err := c.cfg.Engine.Explain(ctx, c.clusters()...)
	if err != nil {
		return nil, false, unreachable(ctx, err)
	}
	for _, cluster := range s.Clusters {
		touched := false
		for _, row := range cluster.Strategies {
			if r := (storedRow{cluster.ID, row}); test(r) {
				rows = append(rows, r)
				touched = true
			}
		}
		if info, ok := c.lookup(cluster.ID); ok && touched {
			if e, err := c.mayManage(ctx, info); err != nil {
				return nil, false, err
			} else if e != nil {
				return nil, false, e
			}
		}
	}
	return rows, exact, nil
}

func (c *check) delete(ctx context.Context) error {
	_, _, err := c.stored(ctx)
	return err
}

// update checks what the rows that an UPDATE touches will be.
func (c *check) update(ctx context.Context) error {
	for _, set := range c.write.Set {
		if set.Column == rewrite.ColumnCluster {
			if v := c.resolve(set.Value); v.known {
				if err := c.cluster(ctx, v); err != nil {
					return err
				}
			}
		}
	}
	rows, exact, err := c.stored(ctx)
	if err != nil {
		return err
	}
	kindValue, setsKind := c.write.Sets(rewrite.ColumnType)
	configValue, setsConfig := c.write.Sets(rewrite.ColumnConfig)
	kind, config := c.resolve(kindValue), c.resolve(configValue)
	if kind.known {
		if err := c.strategy(kind, cell{}); err != nil {
			return err
		}
	}
	if err := c.json(config); err != nil {
		return err
	}
	if !setsKind && !setsConfig || !exact {
		return nil
	}
	for _, r := range rows {
		newKind, newConfig := kind, config
		if !setsKind {
			newKind = cell{known: true, text: r.row.Type}
		}
		if !setsConfig {
			newConfig = cell{known: true, text: string(r.row.Config)}
		}
		if newConfig.known {
			if err := c.strategy(newKind, newConfig); err != nil {
				return err
			}
		}
	}
	return nil
}
