package intercept

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// command prepares the answer to a custom command. What depends on the world
// is looked up when the answer runs.
func (h *handler) command(ctx context.Context, q proxy.Query, s *rewrite.Statement) (*proxy.Answer, error) {
	switch c := s.Command.(type) {
	case rewrite.ExplainStrategy:
		return h.explain(ctx, q, c)
	case rewrite.ShowStrategies:
		return h.showStrategies(q, c), nil
	case rewrite.ShowStatus:
		return h.showStatus(q, c), nil
	case rewrite.ShowActions:
		return h.showActions(q, c), nil
	case rewrite.ShowTypes:
		return h.showTypes(), nil
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
		return h.resetNotices(q), nil
	case rewrite.ShowNotices:
		return h.showNotices(), nil
	}
	return nil, fmt.Errorf("no answer to %s", s.Command.Name())
}

// Type OIDs of columns.
const (
	oidText        = 25
	oidBool        = 16
	oidInt8        = 20
	oidFloat8      = 701
	oidTimestamptz = 1184
	oidJSONB       = 3802
)

// table is the result of a command.
type table struct {
	rows    [][]*string
	notices []*proxy.Notice
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
			return "", err
		}
		for _, n := range h.settings.filter(t.notices) {
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
		list[i] = proxy.Column{Name: name, OID: oidText}
	}
	return list
}

// view keeps the latest observation of all clusters with strategies, for when
// the server is slow or away.
type view struct {
	mu       sync.Mutex
	at       time.Time
	snapshot engine.Snapshot
	plan     engine.Plan
}

// How long SHOW waits for a fresh observation while an older one is there.
const freshWait = 2 * time.Second

// observe returns a fresh observation of all clusters with strategies, or the
// latest one with a notice of its age.
func (i *Interceptor) observe(ctx context.Context, t *table) (engine.Snapshot, engine.Plan, error) {
	i.view.mu.Lock()
	known := !i.view.at.IsZero()
	i.view.mu.Unlock()
	fresh := ctx
	if known {
		var cancel context.CancelFunc
		fresh, cancel = context.WithTimeout(ctx, freshWait)
		defer cancel()
	}
	s, plan, err := i.cfg.Engine.Explain(fresh)
	i.view.mu.Lock()
	defer i.view.mu.Unlock()
	if err == nil {
		i.view.at, i.view.snapshot, i.view.plan = time.Now(), s, plan
		return s, plan, nil
	}
	if !known || ctx.Err() != nil {
		return s, plan, unreachable(ctx, err)
	}
	t.notices = append(t.notices, notice("WARNING", codeEngine,
		fmt.Sprintf("the server does not answer; this is %s old", time.Since(i.view.at).Round(time.Second)), sentence(reason(err)), ""))
	return i.view.snapshot, i.view.plan, nil
}

// scope picks what a command's FOR CLUSTER and LIKE mean: a test for cluster
// names. A cluster that is named has to exist.
func (h *handler) scope(ctx context.Context, q proxy.Query, s rewrite.Scope) (func(id, name string) bool, error) {
	if s.Cluster != nil {
		info, err := h.named(ctx, q, s.Cluster)
		if err != nil {
			return nil, err
		}
		return func(id, _ string) bool { return id == info.ID }, nil
	}
	if s.Like == nil {
		return func(string, string) bool { return true }, nil
	}
	if _, err := rewrite.Like(*s.Like, ""); err != nil {
		return nil, &proxy.Error{Code: "22025", Message: err.Error()}
	}
	return func(_, name string) bool {
		ok, _ := rewrite.Like(*s.Like, name)
		return ok
	}, nil
}

// named finds the cluster that a command names.
func (h *handler) named(ctx context.Context, q proxy.Query, n *rewrite.Name) (engine.ClusterInfo, error) {
	catalog, err := h.cfg.Catalog.Catalog(ctx)
	if err != nil {
		return engine.ClusterInfo{}, unreachable(ctx, err)
	}
	info, ok := findCluster(catalog, n.Text)
	if !ok {
		e := unknownCluster(catalog, n.Text)
		e.Position = rewrite.CharPosition(q.Text, n.Offset)
		return info, e
	}
	return info, nil
}

// manageable returns the ids of the clusters that a command is to change: the one that is named, or
// all that have strategies. The role has to be one that may manage them.
func (h *handler) manageable(ctx context.Context, q proxy.Query, s rewrite.Scope) ([]engine.ClusterInfo, error) {
	catalog, err := h.cfg.Catalog.Catalog(ctx)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	var infos []engine.ClusterInfo
	if s.Cluster != nil {
		info, err := h.named(ctx, q, s.Cluster)
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	} else {
		snapshot, _, err := h.observe(ctx, &table{})
		if err != nil {
			return nil, err
		}
		for _, c := range snapshot.Clusters {
			if info, ok := findCluster(catalog, c.ID); ok {
				infos = append(infos, info)
			}
		}
	}
	c := &check{handler: h, catalog: catalog}
	for _, info := range infos {
		if e, err := c.mayManage(ctx, info); err != nil {
			return nil, err
		} else if e != nil {
			return nil, e
		}
	}
	return infos, nil
}

func ids(infos []engine.ClusterInfo) []string {
	list := make([]string, 0, len(infos))
	for _, info := range infos {
		list = append(list, info.ID)
	}
	slices.Sort(list)
	return list
}
