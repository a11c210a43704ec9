package intercept

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// Values of strategy.notices.
const (
	noticesOff     = "off"
	noticesChanges = "changes" // what was done, and what is wrong
	noticesAll     = "all"     // and what every strategy decided, however long the list
)

var noticeLevels = []string{noticesOff, noticesChanges, noticesAll}

// settings behave as the server's own: a SET in a transaction is undone by
// ROLLBACK, a SET LOCAL by the end of the transaction.
type settings struct {
	standard  string // of strategy.notices
	initial   map[string]string
	committed map[string]string
	session   map[string]string
	local     map[string]string
}

// newSettings starts with the settings of a StartupMessage, those in its options included. An
// error is about a value that does not count.
func newSettings(startup map[string]string, standard string) (*settings, error) {
	given := options(startup["options"])
	for name, value := range startup {
		if _, ok := given[strings.ToLower(name)]; !ok {
			given[strings.ToLower(name)] = value
		}
	}
	initial := map[string]string{rewrite.MinMessages: strings.ToLower(given[rewrite.MinMessages])}
	var err error
	if value, ok := given[rewrite.NoticesSetting]; ok {
		initial[rewrite.NoticesSetting], err = noticeLevel(value)
	}
	return &settings{standard, initial, maps.Clone(initial), maps.Clone(initial), map[string]string{}}, err
}

// noticeLevel checks a value of strategy.notices.
func noticeLevel(value string) (string, error) {
	for _, level := range noticeLevels {
		if strings.EqualFold(value, level) {
			return level, nil
		}
	}
	return "", &proxy.Error{Code: codeInvalidValue, Message: fmt.Sprintf("invalid value for parameter %s: %s", quoted(rewrite.NoticesSetting), quoted(value)),
		Hint: strings.TrimSpace("Available values: off, changes, all. " + engine.Perhaps(value, noticeLevels))}
}

// set changes a setting; an empty value is the default.
func (s *settings) set(name, value string, local bool) {
	if value == "" {
		value = s.initial[name]
	}
	if local {
		s.local[name] = value
		return
	}
	s.session[name] = value
	delete(s.local, name)
}

// set is the verdict about a statement that sets client_min_messages. A value that shows only when the statement
// runs is not followed.
func (h *handler) set(list []rewrite.Setting) proxy.Verdict {
	var args arguments
	v := h.noting(func() {
		h.watchful()
		for _, s := range list {
			value := args.resolve(s.Value)
			if s.Name == rewrite.MinMessages && (value.known || value.standard) {
				h.settings.set(s.Name, strings.ToLower(value.text), s.Local)
			}
		}
	})
	v.Bind = func(_ context.Context, b *proxy.Bind) error { args = boundArguments(b); return nil }
	return v
}

// resetAll is RESET ALL.
func (s *settings) resetAll() {
	s.set(rewrite.NoticesSetting, "", false)
	s.set(rewrite.MinMessages, "", false)
}

// end ends a transaction.
func (s *settings) end(committed bool) {
	clear(s.local)
	if committed {
		s.committed = maps.Clone(s.session)
		return
	}
	s.session = maps.Clone(s.committed)
}

func (s *settings) get(name, fallback string) string {
	for _, scope := range []map[string]string{s.local, s.session} {
		if value, ok := scope[name]; ok && value != "" {
			return value
		}
	}
	return fallback
}

func (s *settings) notices() string { return s.get(rewrite.NoticesSetting, s.standard) }

// filter leaves out what the session does not want to hear of its writes.
func (s *settings) filter(list []*proxy.Notice) []*proxy.Notice {
	if s.notices() == noticesOff {
		return nil
	}
	return s.audible(list)
}

// warnings is filter for commands: what makes an answer doubtful is said in any case.
func (s *settings) warnings(list []*proxy.Notice) []*proxy.Notice {
	if s.notices() == noticesOff {
		list = slices.DeleteFunc(list, func(n *proxy.Notice) bool { return n.Severity != severityWarning })
	}
	return s.audible(list)
}

// audible leaves out what client_min_messages silences.
func (s *settings) audible(list []*proxy.Notice) []*proxy.Notice {
	var kept []*proxy.Notice
	for _, n := range list {
		switch s.get(rewrite.MinMessages, "notice") {
		case "error", "fatal", "panic":
			continue
		case "warning":
			if n.Severity != severityWarning {
				continue
			}
		}
		kept = append(kept, n)
	}
	return kept
}
