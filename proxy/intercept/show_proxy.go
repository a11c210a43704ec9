package intercept

import (
	"context"
	"strconv"

	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// showProxy answers SHOW PROXY. What is about others, and how the proxy is set up, is for superusers.
func (h *handler) showProxy(c rewrite.ShowProxy) *proxy.Answer {
	p := h.cfg.Proxy
	if p == nil {
		p = noProxy{}
	}
	switch c.What {
	case rewrite.ProxyVersion:
		return h.answer(columns("version"), "", func(_ context.Context, t *table) error {
			t.add(text(p.Version()))
			return nil
		})
	case rewrite.ProxyConfig:
		return h.answer(columns("setting", "value", "source"), "", func(ctx context.Context, t *table) error {
			if err := h.mayManageAll(ctx, "see the settings of the proxy of"); err != nil {
				return err
			}
			for _, s := range p.Settings() {
				t.add(text(s.Name), text(s.Value), text(s.Source))
			}
			return nil
		})
	case rewrite.ProxyClients:
		cols := columns("session", "user", "database", "client", "backend_pid")
		cols[0].OID, cols[4].OID = pgtext.TypeInt8, pgtext.TypeInt8
		return h.answer(cols, "", func(ctx context.Context, t *table) error {
			if err := h.mayManageAll(ctx, "see the clients of"); err != nil {
				return err
			}
			for _, s := range p.Clients() {
				address := ""
				if s.ClientAddr != nil {
					address = s.ClientAddr.String()
				}
				t.add(text(strconv.FormatUint(s.ID, 10)), text(s.User), text(s.Database), text(address), text(strconv.FormatUint(uint64(s.BackendPID), 10)))
			}
			return nil
		})
	}
	return h.answer(columns("name", "value"), "", func(_ context.Context, t *table) error {
		for _, s := range p.Status() {
			t.add(text(s.Name), text(s.Value))
		}
		return nil
	})
}

// noProxy tells nothing.
type noProxy struct{}

func (noProxy) Status() []Setting            { return nil }
func (noProxy) Settings() []Setting          { return nil }
func (noProxy) Version() string              { return "" }
func (noProxy) Clients() []proxy.SessionInfo { return nil }
