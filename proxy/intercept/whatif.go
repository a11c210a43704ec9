package intercept

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/proxy/wire"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// whatIf plans for what a write would store. It refuses what the write itself would be refused
// for, by us or by the server, and stores nothing.
func (h *handler) whatIf(ctx context.Context, q proxy.Query, c rewrite.ExplainStrategy, args arguments) (report, error) {
	w := c.WhatIf.Write
	checked, err := h.check(ctx, q.Text, w, args)
	if err != nil {
		return report{}, err
	}
	if err := checked.fits(); err != nil {
		return report{}, err
	}
	if !checked.complete() {
		return report{}, &proxy.Error{Code: wire.CodeFeatureNotSupported, Message: "the effect of this statement cannot be told beforehand",
			Hint: "Use constants and simple conditions: INSERT ... VALUES, WHERE cluster_id = '...' AND strategy_type = '...'."}
	}
	s, before, after, err := h.cfg.Engine.WhatIf(ctx, checked.planned(), checked.apply)
	if err != nil {
		return report{}, unreachable(ctx, err)
	}
	return report{snapshot: s, plan: after, before: &before, none: "No cluster with strategies is concerned"}, nil
}

// planned are the clusters to plan for, also where any is concerned.
func (c *check) planned() []string {
	if !c.all {
		return c.clusters()
	}
	ids := append(slices.Clone(c.seen), c.clusterIDs()...)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// fits says what the server would say about the statement itself.
func (c *check) fits() error {
	var wrong rewrite.Placed
	if errors.As(c.write.Unfit, &wrong) {
		return placed(c.text, wrong)
	}
	var values []rewrite.Value
	for _, row := range c.write.Rows {
		for _, column := range []string{rewrite.ColumnCluster, rewrite.ColumnType, rewrite.ColumnConfig} {
			v := row[column]
			if c.isNull(v) {
				return nullValue(column)
			}
			values = append(values, v)
		}
	}
	for _, set := range c.write.Set {
		if v := set.Value; set.Column != rewrite.ColumnUpdated && c.isNull(v) {
			return nullValue(set.Column)
		}
		values = append(values, set.Value)
	}
	for _, condition := range c.write.Where {
		values = append(values, condition.Values...)
	}
	for _, v := range values {
		if v.Kind == rewrite.Bound && v.N > len(c.args) {
			return &proxy.Error{Code: codeNoParameter, Message: fmt.Sprintf("there is no parameter $%d", v.N), Position: pgtext.CharPosition(c.text, v.Start),
				Hint: "Write the value into the statement, or bind it."}
		}
	}
	return nil
}

// isNull tells whether a value is NULL, as the defaults of the columns that must not be are.
func (c *check) isNull(v rewrite.Value) bool {
	return v.Kind == rewrite.Null || v.Kind == rewrite.Default || v.Kind == rewrite.Bound && c.resolve(v).null
}

func nullValue(column string) error {
	return &proxy.Error{Code: codeNotNull, Message: fmt.Sprintf("null value in column %s of relation %s violates not-null constraint", quoted(column), quoted(rewrite.Table))}
}

// complete tells whether all is known that the write will store.
func (c *check) complete() bool {
	if c.write.Opaque {
		return false
	}
	for _, row := range c.write.Rows {
		for _, column := range []string{rewrite.ColumnCluster, rewrite.ColumnType, rewrite.ColumnConfig} {
			if !c.resolve(row[column]).known {
				return false
			}
		}
		if !c.tellsTime(row[rewrite.ColumnUpdated]) {
			return false
		}
	}
	for _, set := range c.write.Set {
		if set.Column == rewrite.ColumnUpdated && !c.tellsTime(set.Value) || set.Column != rewrite.ColumnUpdated && !c.resolve(set.Value).known {
			return false
		}
	}
	return c.write.Op == rewrite.Insert || c.selected.exact
}

// tellsTime tells whether a value for updated_at is known.
func (c *check) tellsTime(v rewrite.Value) bool {
	value := c.resolve(v)
	if value.known {
		_, err := rewrite.ParseTimestamp(value.text, c.env().Zone)
		return err == nil
	}
	return value.null || value.standard
}

// when is the time that a value for updated_at stands for.
func (c *check) when(v rewrite.Value, now engine.Timestamp) *engine.Timestamp {
	value := c.resolve(v)
	switch {
	case value.standard:
		return &now
	case value.null:
		return nil
	}
	t, err := rewrite.ParseTimestamp(value.text, c.env().Zone)
	if err != nil {
		return &now // complete has seen to that
	}
	at := engine.At(t)
	return &at
}

// apply changes the strategies of a snapshot as the write would.
func (c *check) apply(s *engine.Snapshot) {
	moved := map[string][]engine.StrategyRow{} // rows that come to a cluster
	if c.write.Op == rewrite.Delete {
		s.Pauses = slices.DeleteFunc(slices.Clone(s.Pauses), func(row engine.StrategyRow) bool { return c.selected.takes(storedRow{engine.AllClusters, row}) })
	}
	for i := range s.Clusters {
		cluster := &s.Clusters[i]
		var rows []engine.StrategyRow
		for _, row := range cluster.Strategies {
			switch {
			case c.write.Op == rewrite.Insert || !c.selected.takes(storedRow{cluster.ID, row}):
				rows = append(rows, row)
			case c.write.Op == rewrite.Update:
				id, row := c.updated(cluster.ID, row, s.Now)
				moved[id] = append(moved[id], row)
			}
		}
		cluster.Strategies = rows
	}
	for _, stray := range s.Strays {
		if c.write.Op == rewrite.Update && c.selected.takes(storedRow{stray.ClusterID, stray.StrategyRow}) {
			id, row := c.updated(stray.ClusterID, stray.StrategyRow, s.Now)
			moved[id] = append(moved[id], row)
		}
	}
	for _, row := range c.write.Rows {
		info, _ := findCluster(c.catalog, c.resolve(row[rewrite.ColumnCluster]).text) // insert has seen to the rest
		moved[info.ID] = append(moved[info.ID], engine.StrategyRow{Type: c.resolve(row[rewrite.ColumnType]).text,
			Config: asStored(c.resolve(row[rewrite.ColumnConfig]).text), UpdatedAt: c.when(row[rewrite.ColumnUpdated], s.Now)})
	}
	for i := range s.Clusters {
		cluster := &s.Clusters[i]
		cluster.Strategies = append(cluster.Strategies, moved[cluster.ID]...)
		slices.SortFunc(cluster.Strategies, func(a, b engine.StrategyRow) int { // as it will be observed
			return strings.Compare(a.Type+"\x00"+string(a.Config), b.Type+"\x00"+string(b.Config))
		})
	}
}

// updated is a row as an UPDATE would leave it, and its cluster.
func (c *check) updated(id string, row engine.StrategyRow, now engine.Timestamp) (string, engine.StrategyRow) {
	for _, set := range c.write.Set {
		value := c.resolve(set.Value)
		switch set.Column {
		case rewrite.ColumnCluster:
			if info, err := findCluster(c.catalog, value.text); err == nil {
				id = info.ID
			}
		case rewrite.ColumnType:
			row.Type = value.text
		case rewrite.ColumnConfig:
			row.Config = asStored(value.text)
			if _, said := c.write.Sets(rewrite.ColumnUpdated); !said {
				row.UpdatedAt = &now
			}
		case rewrite.ColumnUpdated:
			row.UpdatedAt = c.when(set.Value, now)
		}
	}
	return id, row
}

// asStored renders a config as jsonb does: keys by length, then by bytes. Of rows that are equally
// new the one counts that comes later in this form.
func asStored(config string) json.RawMessage {
	d := json.NewDecoder(strings.NewReader(config))
	d.UseNumber()
	var tree any
	if d.Decode(&tree) != nil {
		return json.RawMessage(config)
	}
	var b bytes.Buffer
	appendJSONB(&b, tree)
	return b.Bytes()
}

func appendJSONB(b *bytes.Buffer, value any) {
	switch v := value.(type) {
	case map[string]any:
		keys := make([]string, 0, len(v))
		for key := range v {
			keys = append(keys, key)
		}
		slices.SortFunc(keys, func(x, y string) int {
			if len(x) != len(y) {
				return len(x) - len(y)
			}
			return strings.Compare(x, y)
		})
		b.WriteByte('{')
		for i, key := range keys {
			if i > 0 {
				b.WriteString(", ")
			}
			appendJSONB(b, key)
			b.WriteString(": ")
			appendJSONB(b, v[key])
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			appendJSONB(b, item)
		}
		b.WriteByte(']')
	default:
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		_ = e.Encode(v)         // a scalar that was decoded
		b.Truncate(b.Len() - 1) // the line end
	}
}
