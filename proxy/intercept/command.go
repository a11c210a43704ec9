package intercept

import (
	"context"
	"fmt"
	"slices"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// command prepares the answer to a custom command. What depends on the world
// is looked up when the answer runs.
func (h *handler) command(q proxy.Query, s *rewrite.Statement) (*proxy.Answer, error) {
	switch c := s.Command.(type) {
	case rewrite.ExplainStrategy:
		return h.explain(q, c), nil
	case rewrite.ShowStrategies:
		return h.showStrategies(q, c), nil
	case rewrite.ShowStatus:
		return h.showStatus(q, c), nil
	case rewrite.ShowActions:
		return h.showActions(q, c), nil
	case rewrite.ShowTypes:
		return h.showTypes(), nil
	case rewrite.ShowHistory:
		return h.showHistory(q, c), nil
	case rewrite.ShowProxy:
		return h.showProxy(c), nil
	case rewrite.ShowHelp:
		return h.showHelp(), nil
	case rewrite.ApplyStrategies:
		return h.apply(q, c), nil
	case rewrite.ValidateStrategies:
		return h.validate(q, c), nil
	case rewrite.PauseStrategies:
		return h.pause(q, c), nil
	case rewrite.ResumeStrategies:
		return h.resume(q, c), nil
	case rewrite.ResetState:
		return h.resetState(q, c), nil
	case rewrite.SetNotices:
		return h.setNotices(q, c)
	case rewrite.ResetNotices:
		return h.resetNotices(), nil
	case rewrite.ShowNotices:
		return h.showNotices(), nil
	}
	return nil, fmt.Errorf("no answer to %s", s.Command.Name())
}

// table is the result of a command.
type table struct {
	rows    [][]*string
	notices []*proxy.Notice
	age     age // of the oldest that it rests on
}

func (t *table) add(values ...*string) { t.rows = append(t.rows, values) }

func text(s string) *string { return &s }

// orNull is NULL for an empty text.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// answer makes an Answer of a function that fills a table.
func (h *handler) answer(columns []proxy.Column, tag string, fill func(ctx context.Context, t *table) error) *proxy.Answer {
	return &proxy.Answer{Columns: columns, Run: func(ctx context.Context, w proxy.ResultWriter) (string, error) {
		var t table
		if err := fill(ctx, &t); err != nil {
			return "", h.discreet(err)
		}
		for _, n := range h.settings.warnings(append(t.age.warning(h.cause), t.notices...)) {
			if err := w.Notice(n); err != nil {
				return "", err
			}
		}
		for _, row := range t.rows {
			if err := w.Row(row...); err != nil {
				return "", err
			}
		}
		if tag == "" {
			return fmt.Sprintf("SELECT %d", len(t.rows)), nil
		}
		return tag, nil
	}}
}

func columns(names ...string) []proxy.Column {
	list := make([]proxy.Column, len(names))
	for i, name := range names {
		list[i] = proxy.Column{Name: name, OID: pgtext.TypeText}
	}
	return list
}

// scope picks what a command's FOR CLUSTER and LIKE mean: a test for clusters. A cluster
// that is named has to exist.
func (h *handler) scope(ctx context.Context, q proxy.Query, s rewrite.Scope, catalog engine.Catalog) (func(id, name string) bool, error) {
	matches := func(string, string) bool { return true }
	if s.Cluster != nil {
		catalog = h.seek(ctx, catalog, s.Cluster.Text)
		info, err := named(q, s.Cluster, catalog)
		if err != nil {
			return nil, err
		}
		matches = func(id, _ string) bool { return id == info.ID }
	}
	if s.Like == nil {
		return matches, nil
	}
	if _, err := rewrite.Like(*s.Like, ""); err != nil {
		return nil, &proxy.Error{Code: codeBadPattern, Message: err.Error()}
	}
	return func(id, name string) bool {
		ok, _ := rewrite.Like(*s.Like, name)
		return ok && matches(id, name)
	}, nil
}

// lately is scope with clusters as they were when the server was last read.
func (h *handler) lately(ctx context.Context, q proxy.Query, s rewrite.Scope, t *table) (func(id, name string) bool, error) {
	catalog := engine.Catalog{}
	if s.Cluster != nil {
		var err error
		if catalog, err = h.known(ctx, t); err != nil {
			return nil, err
		}
	}
	return h.scope(ctx, q, s, catalog)
}

// named finds the cluster that a command names.
func named(q proxy.Query, n *rewrite.Name, catalog engine.Catalog) (engine.ClusterInfo, error) {
	info, e := findCluster(catalog, n.Text)
	if e != nil {
		e.Position = pgtext.CharPosition(q.Text, n.Offset)
		return info, e
	}
	return info, nil
}

// manageable returns the clusters that a command is to change: the one that is named, or
// all that have strategies. The role has to be one that may manage them.
func (h *handler) manageable(ctx context.Context, q proxy.Query, s rewrite.Scope, t *table) ([]engine.ClusterInfo, error) {
	catalog, err := h.catalog(ctx)
	if err != nil {
		return nil, err
	}
	var infos []engine.ClusterInfo
	if s.Cluster != nil {
		catalog = h.seek(ctx, catalog, s.Cluster.Text)
		info, err := named(q, s.Cluster, catalog)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	} else {
		snapshot, _, err := h.observe(ctx, t)
		if err != nil {
			return nil, err
		}
		for _, c := range snapshot.Clusters {
			if info, ok := byID(catalog, c.ID); ok {
				infos = append(infos, info)
			}
		}
	}
	c := &check{handler: h, catalog: catalog}
	for _, info := range infos {
		e, err := c.mayManage(ctx, info)
		if err != nil {
			return nil, err
		}
		if e != nil && s.Cluster == nil {
			return nil, h.unnamed(ctx, e)
		}
		if e != nil {
			return nil, h.about(q, s, e)
		}
	}
	return infos, nil
}

// about places an error at the name of the cluster, if there is one.
func (h *handler) about(q proxy.Query, s rewrite.Scope, e *proxy.Error) *proxy.Error {
	if s.Cluster != nil {
		e.Position = pgtext.CharPosition(q.Text, s.Cluster.Offset)
	}
	return e
}

func ids(infos []engine.ClusterInfo) []string {
	list := make([]string, 0, len(infos))
	for _, info := range infos {
		list = append(list, info.ID)
	}
	slices.Sort(list)
	return list
}
