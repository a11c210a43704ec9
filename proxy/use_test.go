package proxy

import (
	"strings"
	"testing"

	"mzproxy/proxy/wire"
)

// judgeOfTables takes texts with "t" in them for use.
type judgeOfTables struct{}

func (judgeOfTables) Uses(text []byte) bool { return strings.Contains(string(text), "FROM t") }

// talk is the client's side of a session whose messages are counted, and nothing else.
func talk() (*requests, *requestCounter) {
	s := &Session{}
	s.client = &clientSide{}
	r := &requests{exchange: &s.exchange}
	r.uses.judge = judgeOfTables{}
	return r, &s.counter
}

func (r *requests) say(messages ...wire.Message) {
	for _, m := range messages {
		frame := wire.Append(nil, m)
		r.uses.text(frame[0], frame[wire.HeaderSize:])
		r.note(frame[0], frame[wire.HeaderSize:])
	}
}

func TestUse(t *testing.T) {
	const table, other = "SELECT * FROM t", "SELECT 1"
	query := func(text string) wire.Message { return &wire.Query{String: text} }
	parse := func(name, text string) wire.Message { return &wire.Parse{Name: name, Query: text} }
	bind := func(name string) wire.Message { return &wire.Bind{PreparedStatement: name} }
	execute, sync := &wire.Execute{}, &wire.Sync{}
	for _, c := range []struct {
		name     string
		messages []wire.Message
		now      bool   // before the server answers
		statuses string // of the ReadyForQuerys
		after    bool
	}{
		{"query", []wire.Message{query(table)}, true, "I", false},
		{"other query", []wire.Message{query(other)}, false, "I", false},
		{"unnamed", []wire.Message{parse("", table), bind(""), execute, sync}, true, "I", false},
		{"only prepared", []wire.Message{parse("a", table), sync}, false, "I", false},
		{"named", []wire.Message{parse("a", table), sync, bind("a"), execute, sync}, true, "II", false},
		{"before it was answered", []wire.Message{parse("a", table), sync, bind("a"), execute}, true, "I", true},
		{"another name", []wire.Message{parse("a", table), parse("b", other), sync, bind("b"), execute, sync}, false, "II", false},
		{"unnamed once more", []wire.Message{parse("", table), parse("", other), bind(""), execute, sync}, false, "I", false},
		{"behind another one", []wire.Message{query(other), query(table)}, true, "I", true},
		{"in front of another one", []wire.Message{query(table), query(other)}, true, "I", false},
		{"in a transaction", []wire.Message{query("BEGIN"), query(table), query(other)}, true, "TTT", true},
		{"transaction ends", []wire.Message{query("BEGIN"), query(table), query("COMMIT")}, true, "TTI", false},
		{"transaction fails", []wire.Message{query("BEGIN"), query(table)}, true, "TE", false},
	} {
		r, counter := talk()
		counter.begin('I')
		r.say(c.messages...)
		if (counter.use.until > 0) != c.now {
			t.Errorf("%s: in use %v", c.name, !c.now)
		}
		for i := range c.statuses {
			counter.ready(c.statuses[i])
		}
		if (counter.use.until > 0) != c.after {
			t.Errorf("%s: in use %v when %q has come", c.name, !c.after, c.statuses)
		}
		if ended := !counter.use.ended.IsZero(); ended != c.now && c.name != "before it was answered" && c.name != "behind another one" {
			t.Errorf("%s: has ended: %v", c.name, ended)
		}
	}
}

// A Bind of which only the beginning is there is taken for use where its statement cannot be told.
func TestUseOfPartOfBind(t *testing.T) {
	r, _ := talk()
	frame := wire.Append(nil, &wire.Bind{DestinationPortal: "p", PreparedStatement: "a"})[wire.HeaderSize:]
	for n := range len(frame) {
		r.uses.now = false
		r.uses.bound(frame[:n])
		if whole := n >= len("p\x00a\x00"); r.uses.now == whole {
			t.Errorf("%d bytes: use is %v", n, r.uses.now)
		}
	}
}
