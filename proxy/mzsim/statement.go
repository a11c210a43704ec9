package mzsim

import (
	"fmt"
	"slices"
	"strings"

	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// kind is what the transaction rules have to know about a statement.
type kind uint8

const (
	kindOther     kind = iota // needs no rule
	kindBegin                 // BEGIN, START TRANSACTION
	kindCommit                // COMMIT, END
	kindRollback              // ROLLBACK, ABORT
	kindSet                   // SET, RESET of a variable
	kindShow                  // SHOW of a variable: changes nothing, whatever the transaction is
	kindRead                  // SELECT and the like, SHOW of objects
	kindInsert                // INSERT of constants, COPY FROM
	kindReadWrite             // UPDATE, DELETE, other INSERTs: reads before it writes
	kindDDL                   // changes the catalog
	kindSubscribe             // SUBSCRIBE, COPY (SUBSCRIBE ...) TO STDOUT
	kindDeclare               // DECLARE CURSOR: its statement begins with the first FETCH
	kindFetch                 // FETCH
	kindClose                 // CLOSE
	kindExecute               // EXECUTE of a prepared statement
)

// statement is one statement of a text with what the stand-in has found out about it.
type statement struct {
	rewrite.Piece
	source string // as written
	shown  string // as messages show it
	kind   kind
	shares bool   // DDL that may stand in a transaction with others of its kind
	tag    string // the command tag, where it is not PostgreSQL's
	text   string // what PostgreSQL runs instead; "" means source
	err    *proxy.Error

	usage      rewrite.Usage
	assignment *assignment
	prepares   string     // PREPARE: the name
	forgets    string     // DEALLOCATE, DISCARD: the name, or allPrepared
	prepared   *statement // PREPARE, DECLARE
	readOnly   bool       // BEGIN READ ONLY
	name       string     // EXECUTE, DECLARE, FETCH, CLOSE: the name
	subscribe  *subscribe
	waits      func(token string) string // ALTER CLUSTER ... WITH (WAIT ...): what PostgreSQL runs, with a name for what it begins
	fetch      fetch
}

// allPrepared stands for the names of all prepared statements: no name is empty in quotes.
const allPrepared = `""`

// sql is what PostgreSQL runs.
func (st *statement) sql() string {
	if st.text != "" {
		return st.text
	}
	return st.source
}

// query is the query that describes its rows; "" where there is none that could stand in another one.
func (st *statement) query() string {
	if st.kind != kindRead || !st.Tokens[0].Is("select", "with", "values", "table", "show") && st.Tokens[0].Text != "(" {
		return ""
	}
	return st.sql()
}

// analyse finds out about one statement of text. What it does not know, it leaves to PostgreSQL.
func analyse(text string, piece rewrite.Piece) *statement {
	st := &statement{Piece: piece, source: piece.Of(text), shown: render(text, piece.Tokens)}
	p := &parser{text: text, tokens: piece.Tokens}
	first := piece.Tokens[0]
	switch {
	case first.Kind == rewrite.Op && first.Text == "(":
		st.read(text)
		st.err = st.foreign(text)
		return st
	case first.Kind == rewrite.Keyword && !statementWords[first.Text] && keywords[first.Text]:
		p.failAt(first.Start, "42601", fmt.Sprintf("Unexpected keyword %s at the beginning of a statement", strings.ToUpper(first.Text)))
	case first.Kind != rewrite.Keyword || !statementWords[first.Text]:
		p.expected("a keyword at the beginning of a statement")
	}
	if st.err = p.err; st.err != nil {
		return st
	}
	if st.err = st.foreign(text); st.err != nil {
		return st
	}
	switch first.Text {
	case "begin", "start":
		st.begin(p)
	case "commit", "end":
		st.kind = kindCommit
		if p.pos = len(p.tokens) - 1; len(p.tokens) > 2 && p.next("chain") && !p.tokens[p.pos-1].Is("no") {
			p.fail("0A000", "CHAIN not yet supported")
		}
	case "rollback", "abort":
		st.kind = kindRollback
	case "set":
		st.kind = kindSet
		st.assignment, st.text = p.set()
		st.tag = "SET"
	case "reset":
		st.kind = kindSet
		st.assignment, st.text = p.reset()
		st.tag = "RESET"
	case "discard":
		st.kind, st.assignment = kindSet, &assignment{reset: true}
		st.forgets = allPrepared
	case "deallocate":
		p.pos++
		p.accept("prepare")
		if st.forgets = allPrepared; !p.accept("all") {
			st.forgets = p.ident()
		}
	case "show":
		st.show(p)
	case "select", "with", "values", "table":
		st.read(text)
	case "insert", "update", "delete":
		st.write(text)
	case "copy":
		st.copy(p)
	case "subscribe":
		st.kind = kindSubscribe
		st.watch(p.subscribe())
	case "declare", "fetch", "close":
		st.cursor(p)
	case "prepare":
		st.prepare(text, p)
	case "explain":
		st.explain(text, p)
	case "execute":
		p.pos++
		st.kind, st.name = kindExecute, p.ident()
	case "create", "alter", "drop", "grant", "revoke", "comment":
		st.define(p)
	}
	if p.err != nil {
		st.err = p.err
	}
	return st
}

// statementWords are the words that statements begin with.
var statementWords = wordSet(`abort alter begin close comment commit copy create deallocate declare delete
	discard drop end execute explain fetch grant inspect insert prepare raise reassign
	reset revoke rollback select set show start subscribe table update
	validate values with`)

// begin drops what PostgreSQL might not know, or would take in another way: a transaction that only reads may change the catalog.
func (st *statement) begin(p *parser) {
	st.kind = kindBegin
	if p.next("start") {
		st.text, st.tag = "BEGIN", "BEGIN"
	}
	words := ""
	for _, t := range p.tokens {
		words += " " + t.Text
	}
	st.readOnly = strings.Contains(words, "read only")
	if st.readOnly || strings.Contains(words, "isolation") || strings.Contains(words, "read write") {
		st.text = "BEGIN"
	}
}

func (st *statement) read(text string) {
	st.kind = kindRead
	if respelled := respell(spelled(inlineShows(text, st.Tokens))); respelled != st.source {
		st.text = respelled
	}
	st.use()
	if st.usage.Target != nil { // WITH ... INSERT
		st.kind = kindReadWrite
	}
}

// use finds out what the statement touches. A text that PostgreSQL cannot parse touches nothing: it will not run.
func (st *statement) use() {
	usage, err := rewrite.Relations(st.sql())
	if err != nil {
		return
	}
	st.usage = usage
	if name := missingFunction(usage); name != "" {
		st.err = errNoFunction(name)
	} else if slices.Contains(usage.Functions, "mz_sleep") {
		st.err = errUnsafe
	}
}

// watch takes what a SUBSCRIBE watches. A query that cannot be parsed fails when it is described.
func (st *statement) watch(s *subscribe) {
	st.subscribe = s
	if usage, err := rewrite.Relations(s.query); err == nil {
		st.usage = usage
	}
}

func (st *statement) write(text string) {
	st.kind = kindReadWrite
	if st.err = checkConflict(text, st.Tokens); st.err != nil {
		return
	}
	if st.use(); st.err != nil {
		return
	}
	if st.usage.Returning {
		st.text = "WITH inserted AS (" + st.source + "\n) SELECT * FROM inserted" // has the tag of a query
	}
	for _, f := range st.usage.Functions {
		if f == "mz_now" {
			st.err = &proxy.Error{Code: "0A000", Message: "calls to mz_now in write statements are not supported"}
		}
	}
	if st.Tokens[0].Is("insert") && !st.usage.Returning && (st.usage.ConstantInsert || len(st.usage.Relations) <= 1) {
		st.kind = kindInsert
	}
}

// prepare reads PREPARE name AS statement.
func (st *statement) prepare(text string, p *parser) {
	p.expect("prepare")
	st.prepares = p.ident()
	p.expect("as")
	if p.err != nil || p.done() {
		return
	}
	tokens := p.tokens[p.pos:]
	start := tokens[0].Start
	st.prepared = analyse(text, rewrite.Piece{Span: pgtext.Span{Start: start, End: st.End}, Tokens: tokens})
	p.err = st.prepared.err
	if st.prepared.text != "" {
		st.text = text[st.Start:start] + st.prepared.text
	}
}

// define handles what changes the catalog.
func (st *statement) define(p *parser) {
	st.kind = kindDDL
	st.tag = definitionTag(p.tokens)
	st.shares = renames(p.tokens)
	d, ok := p.clusterDDL()
	for _, other := range []func() (ddl, bool){p.objectDDL, p.privilegeDDL} {
		if !ok {
			p.pos, p.err = 0, nil
			d, ok = other()
		}
	}
	if ok && p.err == nil {
		st.tag, st.text, st.waits = d.tag, d.call, p.waits
	} else if !ok {
		p.err = nil // only a grammar that was the right one may complain
	}
}

// renames tells whether the statement is ALTER ... RENAME TO or SWAP WITH.
func renames(tokens []rewrite.Token) bool {
	for i := 2; tokens[0].Is("alter") && i+2 < len(tokens); i++ {
		if tokens[i].Is("rename") && tokens[i+1].Is("to") || tokens[i].Is("swap") && tokens[i+1].Is("with") {
			return true
		}
	}
	return false
}

// definitionTag is the command tag of CREATE, ALTER, DROP, GRANT, REVOKE and COMMENT.
func definitionTag(tokens []rewrite.Token) string {
	first := strings.ToUpper(tokens[0].Text)
	if !tokens[0].Is("create", "alter", "drop") {
		return first
	}
	for i, t := range tokens[1:] {
		switch {
		case t.Is("or", "replace", "temporary", "temp", "default", "unlogged"):
			continue
		case t.Is("materialized"):
			return first + " MATERIALIZED VIEW"
		case t.Is("cluster") && i+2 < len(tokens) && tokens[i+2].Is("replica"):
			return first + " CLUSTER REPLICA"
		}
		return first + " " + strings.ToUpper(t.Text)
	}
	return first
}

// errSingly is the error for what cannot share a transaction.
func (st *statement) errSingly() *proxy.Error {
	return &proxy.Error{Code: "25001", Message: fmt.Sprintf("%s cannot be run inside a transaction block", st.shown)}
}
