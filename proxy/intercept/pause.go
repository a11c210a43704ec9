package intercept

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// pause answers PAUSE STRATEGIES: a row of type pause, for one cluster or for all. Times count
// by the server's clock.
func (h *handler) pause(q proxy.Query, c rewrite.PauseStrategies) *proxy.Answer {
	return h.answer(nil, "PAUSE", func(ctx context.Context, t *table) error {
		id, whose := engine.AllClusters, "all clusters are"
		if c.Cluster == nil {
			if err := h.mayManageAll(ctx, "pause"); err != nil {
				return err
			}
		} else {
			infos, err := h.manageable(ctx, q, c.Scope, t)
			if err != nil {
				return err
			}
			if e := unsuitable(infos[0]); e != nil {
				return h.about(q, c.Scope, e)
			}
			id, whose = infos[0].ID, "cluster "+quoted(infos[0].Name)+" is"
		}
		if err := (&check{handler: h}).privileged(ctx, "INSERT"); err != nil { // it stores a row
			return err
		}
		p, err := h.newPause(ctx, q, c)
		if err != nil {
			return err
		}
		if err := h.cfg.Store.SetPause(ctx, []string{id}, p); err != nil {
			return unreachable(ctx, err)
		}
		if _, err := h.approve(ctx, ofStored([]string{id}, engine.PauseType), h.self.super); err != nil {
			return unreachable(ctx, err)
		}
		old := h.storedBefore([]string{id}).configs[rowKey{id, engine.PauseType}]
		h.record(ctx, []reconcile.ChangeRecord{h.change("PAUSE", id, engine.PauseType, old, pauseConfig(p))})
		n := notice(severityNotice, codeOK, whose+" "+p.String(), "", "")
		if c.Cluster == nil {
			n.Detail = "Clusters and strategies that are yet to come are paused, too."
		}
		t.notices = append(t.notices, n)
		return nil
	})
}

// pauseConfig is a pause as it stands in history.
func pauseConfig(p engine.Pause) json.RawMessage {
	config := map[string]string{}
	if p.Until != nil {
		config["until"] = p.Until.String()
	}
	if p.Reason != "" {
		config["reason"] = p.Reason
	}
	data, err := json.Marshal(config)
	if err != nil {
		return nil
	}
	return data
}

// newPause is the pause that a command asks for.
func (h *handler) newPause(ctx context.Context, q proxy.Query, c rewrite.PauseStrategies) (p engine.Pause, err error) {
	catalog, err := h.catalog(ctx)
	if err != nil {
		return p, err
	}
	role, err := h.cfg.Catalog.Role(ctx, h.info.User)
	if err != nil {
		return p, unreachable(ctx, err)
	}
	p = engine.Pause{Reason: c.Reason, By: role.Name}
	switch {
	case c.For > 0:
		until := engine.At(catalog.At.Add(c.For).Truncate(time.Second))
		p.Until = &until
	case c.Until != nil && !c.Until.After(catalog.At):
		return p, &proxy.Error{Code: codeInvalidValue, Message: "the pause would be over already", Position: pgtext.CharPosition(q.Text, c.Offset),
			Detail: fmt.Sprintf("By the server's clock it is %s.", catalog.At.UTC().Format(timestampFormat))}
	case c.Until != nil:
		until := engine.At(*c.Until)
		p.Until = &until
	}
	return p, nil
}

// nothingToDo is what a command for all clusters says where there are none.
func nothingToDo() *proxy.Notice {
	return notice(severityNotice, codeOK, "no cluster has strategies", "", "")
}
