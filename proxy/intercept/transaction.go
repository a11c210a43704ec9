package intercept

import (
	"context"

	"mzproxy/proxy"
)

// Ready runs the engine for the writes that are committed: by a COMMIT, also in the middle of a
// text, or by the end of an implicit transaction.
func (h *handler) Ready(ctx context.Context, e proxy.Completed) proxy.Ready {
	var committed []pendingWrite
	failed := false
	for i, event := range e.Events {
		switch {
		case event.Code != "":
			failed = true
		case event.Done && len(h.executed) > 0:
			h.executed[0]()
			h.executed = h.executed[1:]
		case event.Tag == "COMMIT":
			committed = append(committed, h.endTransaction(true)...)
		case event.Tag == "ROLLBACK" && !toSavepoint(e.Events[i+1:], e.TxStatus):
			h.endTransaction(false)
		}
	}
	for _, note := range h.executed { // of events from before the session was watched
		note()
	}
	h.executed = nil
	h.early = 0
	switch e.TxStatus {
	case 'I':
		committed = append(committed, h.endTransaction(!failed)...)
	case 'E':
		h.open, h.written = nil, 0
		h.drop()
	}
	if e.TxStatus != 'T' {
		h.clearBound()
	}
	ready := proxy.Ready{Watch: e.TxStatus != 'I', Notices: h.settings.audible(h.late)}
	h.late = nil
	if len(committed) > 0 {
		for _, w := range committed {
			h.metrics.writes.WithLabelValues(string(w.op)).Inc()
		}
		ready.Notices = append(ready.Notices, h.settings.filter(h.lookFor(ctx, committed))...)
	}
	if len(h.said)+len(h.changed) > 0 {
		ready.Notices = append(ready.Notices, h.settings.filter(append(h.said, h.tellChanges(ctx)...))...)
		h.said, h.changed = nil, nil
	}
	return ready
}

// endTransaction returns the writes that are committed now.
func (h *handler) endTransaction(commit bool) []pendingWrite {
	writes := h.open
	h.open, h.written = nil, 0
	h.drop()
	if h.early > 0 {
		h.early--
	} else {
		h.settings.end(commit)
	}
	if !commit {
		return nil
	}
	return writes
}

// endEarly lets settings follow a transaction's end before the server has it: a command behind it in the
// same text runs before that. If the transaction does not get so far, nor does the command's answer.
func (h *handler) endEarly(commit bool) {
	h.early++
	h.settings.end(commit)
}

// toSavepoint tells whether a ROLLBACK did not end the transaction: nothing began one after it, and
// yet there is one.
func toSavepoint(later []proxy.Event, status byte) bool {
	for _, event := range later {
		if event.Tag == "BEGIN" || event.Tag == "START TRANSACTION" {
			return false
		}
	}
	return status == 'T'
}
