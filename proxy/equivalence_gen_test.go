package proxy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// A conversation is what one client says, and how many ReadyForQuerys the end of it is from its beginning is
// the server's to say: it ends with an answer that nothing else gives.
type conversation struct {
	messages []string // as pgtest reads them
	last     string   // the tag of the end
}

// Texts of random conversations. A comment tells markHandler whose a statement is; the server knows them all, so
// that a direct connection does what the proxy should look like. $ is a number that occurs once.
var (
	plainTexts = []string{"SELECT 1", "SELECT 1/0", "SELECT 'x'::int", "SELECT no_such_column", "NOT SQL", "", "SELECT g FROM generate_series(1, 3) AS g",
		"INSERT INTO w VALUES (-1)", "SET application_name = 'x'", "SHOW application_name", "COPY (SELECT 1) TO STDOUT", "DROP TABLE IF EXISTS nowhere",
		"LISTEN l", "NOTIFY l"}
	oursTexts = []string{"SELECT n FROM generate_series(1, 0) AS g(n) /*ours 0*/", "SELECT n FROM generate_series(1, 1) AS g(n) /*ours 1*/",
		"SELECT n FROM generate_series(1, 2) AS g(n) /*ours 2*/", "SELECT n FROM generate_series(1, 3) AS g(n) /*ours 3*/"}
	failingTexts = []string{"SELECT 1/(1-n) AS n FROM generate_series(1, 1) AS g(n) /*fails 0*/", "SELECT 1/(2-n) AS n FROM generate_series(1, 3) AS g(n) /*fails 1*/", "SELECT no_such_column /*refused*/"}
	writeTexts   = []string{"INSERT INTO w VALUES ($) /*write*/"}
	boundTexts   = []string{"INSERT INTO w VALUES ($1) /*write*/", "SELECT $1::int", "INSERT INTO w VALUES ($1), ($1) /*write*/"}
	transactions = []string{"BEGIN", "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s"}
	nameTexts    = []string{"PREPARE a AS INSERT INTO w VALUES ($1) /*write*/", "PREPARE b AS SELECT 7", "PREPARE a AS SELECT $1::int",
		"EXECUTE a($)", "EXECUTE b($)", "EXECUTE a", "EXECUTE b", "DEALLOCATE a", "DEALLOCATE b", "/*x*/ DEALLOCATE a", "DEALLOCATE ALL", "DISCARD ALL"}
	cursorTexts = []string{"DECLARE r CURSOR FOR SELECT g FROM generate_series(1, 5) AS g", "FETCH 2 FROM r", "MOVE 1 FROM r", "CLOSE r", "CLOSE p", "DECLARE p CURSOR FOR SELECT 7", "CLOSE ALL"}
)

// kinds of texts, with how often they come.
var textKinds = []struct {
	weight int
	texts  []string
}{{4, plainTexts}, {5, oursTexts}, {2, failingTexts}, {3, writeTexts}, {4, boundTexts}, {3, transactions}, {4, nameTexts}, {2, cursorTexts}}

// A talker makes up conversations.
type talker struct {
	*rand.Rand
	number int
}

func pick[T any](t *talker, list ...T) T { return list[t.IntN(len(list))] }

// unique is a number that no other statement has.
func (t *talker) unique() string {
	t.number++
	return fmt.Sprint(t.number)
}

func (t *talker) text() string {
	total := 0
	for _, k := range textKinds {
		total += k.weight
	}
	n := t.IntN(total)
	for _, k := range textKinds {
		if n -= k.weight; n < 0 {
			text := pick(t, k.texts...)
			if i := strings.Index(text, "($)"); i >= 0 {
				text = text[:i] + "(" + t.unique() + text[i+2:]
			}
			return text
		}
	}
	return ""
}

// named is a text and the name of its statement. EXECUTE of what ends a transaction ends a session of PostgreSQL's, and of
// what fails behind its first row it gives no row. EXECUTE of EXECUTE is for nobody.
func (t *talker) named() (name, text string) {
	name, text = t.statement(), t.text()
	if slices.Contains(transactions, text) || strings.HasPrefix(text, "EXECUTE") || strings.Contains(text, "/*fails 1*/") {
		name = ""
	}
	return name, text
}

func (t *talker) statement() string { return pick(t, "", "", "a", "b") }
func (t *talker) portal() string    { return pick(t, "", "", "p", "q") }

// cursor is a portal that SQL may have made.
func (t *talker) cursor() string { return pick(t, t.portal(), "r") }

// parameters are those of a Bind: mostly one where one is wanted.
func (t *talker) parameters() string {
	switch t.IntN(12) {
	case 0:
		return `["bad"]`
	case 1, 2, 3, 4:
		return `[]`
	case 5:
		return `["1" "2"]`
	}
	return fmt.Sprintf(`[%q]`, t.unique())
}

// query is the text of a Query: one statement, or some.
func (t *talker) query() string {
	texts := []string{t.text()}
	for t.IntN(3) == 0 {
		texts = append(texts, t.text())
	}
	return strings.Join(texts, "; ")
}

// simple says a Query. Of one that fails it depends on when it does whether there is an unnamed portal, and which.
func (t *talker) simple() []string {
	text := t.query()
	query := fmt.Sprintf("Query %q", text)
	if !strings.Contains(text, "/*fails") {
		return []string{query}
	}
	return pick(t, []string{`Close P ""`, query}, []string{`Close P ""`, "Sync", query})
}

// prepared says a whole statement in the extended protocol, as drivers do.
func (t *talker) prepared() []string {
	name, text := t.named()
	parameters := "[]"
	if strings.Contains(text, "$1") && !strings.HasPrefix(text, "PREPARE") {
		parameters = fmt.Sprintf(`[%q]`, t.unique())
	}
	messages := []string{fmt.Sprintf(`Parse %q %q []`, name, text)}
	if t.IntN(4) == 0 {
		messages = append(messages, fmt.Sprintf(`Describe S %q`, name))
	}
	for range 1 + t.IntN(5)/4 {
		portal := t.portal()
		messages = append(messages, fmt.Sprintf(`Bind %q %q [] %s %s`, portal, name, parameters, pick(t, "[]", "[]", "[1]", "[0]")))
		if t.IntN(2) == 0 {
			messages = append(messages, fmt.Sprintf(`Describe P %q`, portal))
		}
		messages = append(messages, fmt.Sprintf(`Execute %q %d`, portal, pick(t, 0, 0, 0, 1, 2)))
	}
	return messages
}

// copy says COPY FROM STDIN as drivers do. Those that say Sync in the middle of it say no nonsense afterwards: how far the server has got
// when it complains would decide whether it hears the Sync.
func (t *talker) copy() (messages []string) {
	const text = "COPY w FROM STDIN"
	data := func(kinds ...string) []string {
		list := make([]string, t.IntN(3))
		for i := range list {
			list[i] = fmt.Sprintf("CopyData %q", pick(t, kinds...))
		}
		return list
	}
	end := pick(t, "CopyDone", "CopyDone", `CopyFail "given up"`)
	if t.IntN(2) == 0 {
		query := pick(t, text, text, t.text()+"; "+text, text+"; "+t.text())
		return slices.Concat([]string{`Close P ""`, "Sync", fmt.Sprintf("Query %q", query)}, data("-1\n", "-1\n", "bad\n"), []string{end})
	}
	messages = []string{fmt.Sprintf(`Parse "" %q []`, text), `Bind "" "" [] [] []`, `Execute "" 0`}
	if t.IntN(3) == 0 {
		messages = slices.Concat(messages, []string{"Sync"}, data("-1\n"))
	} else {
		messages = slices.Concat(messages, data("-1\n", "-1\n", "bad\n"))
	}
	return append(messages, end, "Sync", `Close P ""`, `Close S ""`, "Sync") // nothing but this may begin a copy
}

// some is one step of a conversation.
func (t *talker) some() []string {
	switch t.IntN(17) {
	case 0, 1, 2:
		return t.simple()
	case 3, 4, 5:
		return append(t.prepared(), "Sync")
	case 6, 7:
		return t.prepared()
	case 8:
		name, text := t.named()
		return []string{fmt.Sprintf(`Parse %q %q []`, name, text)}
	case 9:
		portal, parameters := t.portal(), t.parameters()
		if parameters == `["bad"]` { // a portal that exists is the server's first complaint
			portal = ""
		}
		return []string{fmt.Sprintf(`Bind %q %q [] %s %s`, portal, t.statement(), parameters, pick(t, "[]", "[]", "[1]", "[0 0]"))}
	case 10:
		return []string{fmt.Sprintf(`Execute %q %d`, t.cursor(), t.IntN(4))}
	case 11:
		return []string{fmt.Sprintf(`Describe S %q`, t.statement())}
	case 12:
		return []string{fmt.Sprintf(`Describe P %q`, t.cursor())}
	case 13:
		return []string{pick(t, fmt.Sprintf(`Close S %q`, t.statement()), fmt.Sprintf(`Close P %q`, t.cursor()))}
	case 14:
		return []string{"Flush"}
	case 15:
		return t.copy()
	}
	return []string{"Sync"}
}

// conversation makes up the n-th.
func (t *talker) conversation(n int) conversation {
	t.number = n * 1000
	var messages []string
	for range 2 + t.IntN(9) {
		messages = append(messages, t.some()...)
	}
	return conversationOf(messages, fmt.Sprint("end of ", n))
}

// conversationOf makes one of messages, which ends in a state that the next one begins with, with an answer that nothing else gives.
func conversationOf(messages []string, last string) conversation {
	return conversation{slices.Concat(messages, []string{"Sync", `Query "ROLLBACK"`, `Query "DEALLOCATE ALL"`, `Query "WITH d AS (DELETE FROM w RETURNING v) SELECT v FROM d ORDER BY v"`,
		fmt.Sprintf("Query %q", "SELECT '"+last+"'")}), last}
}
