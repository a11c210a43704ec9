package intercept

import (
	"context"
	"errors"

	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// setNotices answers SET strategy.notices.
func (h *handler) setNotices(q proxy.Query, c rewrite.SetNotices) (*proxy.Answer, error) {
	level := ""
	if c.Value != "" {
		var err error
		if level, err = noticeLevel(c.Value); err != nil {
			var e *proxy.Error
			if errors.As(err, &e) {
				e.Position = pgtext.CharPosition(q.Text, c.Offset)
			}
			return nil, err
		}
	}
	return h.answer(nil, "SET", func(_ context.Context, t *table) error {
		if c.Local && q.TxStatus != 'T' {
			t.notices = append(t.notices, notice(severityWarning, codeNoTx, "SET LOCAL can only be used in transaction blocks", "", ""))
			return nil
		}
		h.changeNotices(level, c.Local)
		return nil
	}), nil
}

// resetNotices answers RESET strategy.notices.
func (h *handler) resetNotices() *proxy.Answer {
	return h.answer(nil, "RESET", func(context.Context, *table) error {
		h.changeNotices("", false)
		return nil
	})
}

// changeNotices takes effect at once; Ready ends it where no transaction is open.
func (h *handler) changeNotices(level string, local bool) {
	h.settings.set(rewrite.NoticesSetting, level, local)
	h.watchful()
}

// showNotices answers SHOW strategy.notices.
func (h *handler) showNotices() *proxy.Answer {
	return h.answer(columns(rewrite.NoticesSetting), "SHOW", func(_ context.Context, t *table) error {
		t.add(text(h.settings.notices()))
		return nil
	})
}
