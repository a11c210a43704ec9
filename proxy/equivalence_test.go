package proxy_test

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

var (
	conversations    = flag.Int("conversations", 20_000, "how many random conversations TestEquivalence has")
	conversationSeed = flag.Uint64("conversation-seed", 1, "the seed of those conversations")
)

// pairs is how many pairs of connections TestEquivalence talks on.
const pairs = 2

// TestEquivalence has random conversations with PostgreSQL, each on a direct connection and through a proxy that answers
// some of the statements itself, refuses some and checks some: both clients see the same messages in the same
// order, and no value is written that was not checked before.
func TestEquivalence(t *testing.T) {
	p := realPostgres(t)
	count := *conversations
	if raceEnabled {
		count /= 10 // each takes ten times as long
	}
	for i := range pairs {
		h := &markHandler{checked: map[string]bool{}}
		r := front(t, p.upstream("127.0.0.1", "sslmode=disable"), func(cfg *proxy.Config) { cfg.Interceptor = h })
		direct := newParty(t, net.JoinHostPort("127.0.0.1", p.port), fmt.Sprint("direct", i))
		proxied := newParty(t, r.address, fmt.Sprint("proxied", i))
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			direct.t, proxied.t = t, t
			compare := func(c conversation) { compare(t, h, direct, proxied, c) }
			for _, c := range found(t) {
				compare(c)
			}
			talker := &talker{Rand: rand.New(rand.NewPCG(uint64(i), *conversationSeed))}
			for n := i; n < count && !t.Failed(); n += pairs {
				compare(talker.conversation(n))
			}
		})
	}
}

// compare has one conversation on both connections.
func compare(t *testing.T, h *markHandler, direct, proxied *party, c conversation) {
	t.Helper()
	direct.say(c)
	proxied.say(c)
	want, err := direct.hear(c)
	if err != nil {
		t.Skipf("%s: PostgreSQL died: %v", c.last, err)
	}
	got, err := proxied.hear(c)
	if err != nil {
		if direct.crashed() {
			t.Skipf("%s: PostgreSQL died: %v", c.last, err)
		}
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("conversation:\n%s\nthe proxy makes a difference (-direct +proxied):\n%s", strings.Join(c.messages, "\n"), diff)
	}
	h.allChecked(t, c, got)
}

// found returns the conversations that went otherwise once.
func found(t *testing.T) (list []conversation) {
	t.Helper()
	text, err := os.ReadFile("../testdata/equivalence/found.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(text), "\n=== ")[1:] {
		title, messages, _ := strings.Cut(part, "\n")
		list = append(list, conversationOf(strings.Split(strings.TrimSpace(messages), "\n"), title))
	}
	return list
}

// allChecked looks at the rows that the table had at the end.
func (h *markHandler) allChecked(t *testing.T, c conversation, seen []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := len(seen) - 1; i >= 0; i-- {
		if strings.HasPrefix(seen[i], "RowDescription [v") {
			break
		}
		value, ok := strings.CutPrefix(seen[i], `DataRow ["`)
		value = strings.TrimSuffix(value, `"]`)
		if ok && value != "-1" && value != c.last && !h.checked[value] {
			t.Errorf("%s was written and not checked:\n%s", value, strings.Join(c.messages, "\n"))
		}
	}
	clear(h.checked)
}

// A party is one client of a comparison, with a table w of its own.
type party struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newParty(t *testing.T, address, schema string) *party {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := pgtest.Enter(conn, "user", "trusted", "database", "postgres", "search_path", schema); err != nil {
		t.Fatal(err)
	}
	p := &party{t, conn, bufio.NewReader(conn)}
	c := conversation{[]string{fmt.Sprintf("Query %q", "CREATE SCHEMA "+schema), `Query "CREATE TABLE w (v int)"`, `Query "SELECT 'ready'"`}, "ready"}
	p.say(c)
	if _, err := p.hear(c); err != nil {
		t.Fatal(err)
	}
	return p
}

// say sends a conversation all at once.
func (p *party) say(c conversation) {
	p.t.Helper()
	send(p.t, p.conn, pgtest.FromClient, c.messages...)
}

// hear returns what is said up to the end of a conversation: no texts of errors and notices, no settings and notifications.
func (p *party) hear(c conversation) (seen []string, err error) {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	last := false
	for {
		m, err := pgtest.ReadMessage(p.in)
		if err != nil {
			return seen, fmt.Errorf("%w after\n%s\nof\n%s", err, strings.Join(seen, "\n"), strings.Join(c.messages, "\n"))
		}
		text := pgtest.Format(pgtest.FromServer, m)
		switch m.Type {
		case 'S', 'A': // both hear of what one says
			continue
		case 'E', 'N':
			_, code, _ := strings.Cut(text, ` C="`)
			text = fmt.Sprintf("%c %.5s", m.Type, code)
		}
		seen = append(seen, text)
		if text == fmt.Sprintf(`DataRow [%q]`, c.last) {
			last = true
		}
		if last && m.Type == 'Z' {
			return normal(seen), nil
		}
	}
}

// crashed tells whether the server has ended the connection: PostgreSQL 15 itself dies of a conversation now and then (a segmentation fault of
// a backend, which takes all others with it), with a proxy or without.
func (p *party) crashed() bool {
	_ = p.conn.SetReadDeadline(time.Now().Add(patience))
	m, err := pgtest.ReadMessage(p.in)
	return errors.Is(err, io.EOF) || err == nil && strings.Contains(pgtest.Format(pgtest.FromServer, m), `C="57P02"`)
}

// normal leaves out what depends on how far the server gets with a statement before that fails: whether the columns of
// what fails are known, and whether there is a portal, which then is of a failed transaction.
func normal(seen []string) (list []string) {
	for i, text := range seen {
		switch {
		case strings.HasPrefix(text, "E "):
			for n := len(list); n > 0 && strings.HasPrefix(list[n-1], "RowDescription [n:"); n-- {
				list = list[:n-1]
			}
			if text == "E 34000" && seen[i+1] == "ReadyForQuery E" {
				text = "E 25P02"
			}
		}
		list = append(list, text)
	}
	return list
}
