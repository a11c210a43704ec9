package rewrite

// A text that is longer is not judged: it counts as one that needs its cluster.
const maxJudged = 1 << 16

// NeedsCluster tells whether a statement of a text may need the session's cluster. It is asked about every text that passes, so
// it looks at words only and allocates nothing. What it is not sure of may need it. These do not: queries of
// the system's relations alone, which the server answers elsewhere, and constants; what changes the session, the
// transaction or the catalog; INSERT of constants; and what is about the proxy's own tables alone, for which there is
// the control cluster.
func NeedsCluster(text []byte) bool {
	if len(text) > maxJudged {
		return true
	}
	n := needs{lexer: lexer{text: text}}
	for {
		more, needed := n.statement()
		if needed || !more {
			return needed
		}
	}
}

// Others are not looked at: with so many levels or names a text counts as one that needs its cluster.
const (
	maxNesting  = 16
	maxSubnames = 16
)

// needs follows a statement.
type needs struct {
	lexer
	depth    int
	from     [maxNesting]bool   // at each level: in a list of relations, where a comma comes before another one
	opened   [maxNesting][]byte // the word in front of the parenthesis
	closed   []byte             // the same of the one that was closed last
	names    [maxSubnames][]byte
	subnames int // how many names WITH has given to queries

	expects bool // the next word is a relation
	system  bool // there is one of the system
	own     bool // ... or of ours
	user    bool // ... or another one
	works   bool // there is a function, an operator or a cast
}

// statement judges the next statement, and tells whether there is another one behind it.
func (n *needs) statement() (more, needed bool) {
	*n = needs{lexer: n.lexer}
	t := n.next()
	for t.class == '(' || t.class == ';' {
		t = n.next()
	}
	switch {
	case t.isAny("select", "with", "values"):
	case t.isAny("table", "update", "delete"):
		n.expects = !t.is("delete")
	case t.is("insert"):
		n.insertion()
	case t.is("copy"):
		if !n.copies() {
			return n.skip(), false
		}
	case t.is("subscribe"):
		if n.peek().is("to") {
			n.next()
		}
		n.expects = true
	case t.isAny("execute", "fetch"), t.is("explain") && n.peek().is("analyze"):
		return false, true
	default:
		return n.skip(), false
	}
	more = n.follow(t)
	return more, n.user || n.own && n.system || n.works && !n.system && !n.own
}

// skip goes behind a statement that needs nothing.
func (n *needs) skip() (more bool) {
	for {
		switch n.next().class {
		case lexEnd:
			return false
		case ';':
			return true
		}
	}
}

// insertion goes behind the table and the columns of an INSERT: the table is not read.
func (n *needs) insertion() {
	if n.peek().is("into") {
		n.next()
	}
	n.relation(n.next())
	n.user, n.system, n.own = false, false, false
	if n.peek().class == '(' {
		n.columns()
	}
}

// columns goes behind a list in parentheses, unless that is a query.
func (n *needs) columns() {
	before := n.lexer
	n.next()
	if n.peek().isAny("select", "with", "values", "table") {
		n.lexer = before
		return
	}
	for t := n.next(); t.class != ')' && t.class != lexEnd; {
		t = n.next()
	}
}

// copies tells whether a COPY is one that reads.
func (n *needs) copies() bool {
	if n.peek().class == '(' {
		return true
	}
	t := n.next()
	if t.is("into") {
		return false
	}
	n.relation(t)
	if n.peek().class == '(' {
		n.columns()
	}
	return !n.peek().is("from")
}

// follow takes in the rest of a statement, whose first word was before.
func (n *needs) follow(before lexeme) (more bool) {
	for {
		t := n.next()
		switch {
		case t.class == lexEnd, t.class == ';' && n.depth <= 0:
			return t.class == ';'
		case t.class == '(':
			n.open(before)
		case t.class == ')':
			n.closed = n.opened[n.depth]
			n.depth = max(0, n.depth-1)
			n.expects = false
		case t.class == ',':
			n.expects = n.from[n.depth]
		case t.name():
			n.word(before, t)
		case t.class == lexValue: // as in substring(x FROM 1)
			n.expects = false
		case t.class != '.' && t.class != '*' && t.class != ';' && t.class != '[' && t.class != ']':
			n.works = true
		}
		if before = t; n.user {
			return false
		}
	}
}

// open goes one level deeper.
func (n *needs) open(before lexeme) {
	if before.isAny("as", "materialized") && n.closed != nil && n.subnames < maxSubnames {
		n.names[n.subnames] = n.closed
		n.subnames++
	}
	if n.depth+1 == maxNesting {
		n.user = true
		return
	}
	n.depth++
	n.from[n.depth], n.opened[n.depth], n.closed = false, nil, nil
	if before.name() {
		n.opened[n.depth] = before.text
	}
}

// word takes in a word in a query.
func (n *needs) word(before, t lexeme) {
	switch {
	case t.isAny("from", "join") && !before.is("distinct"), t.is("table"), t.is("using") && n.depth == 0:
		n.expects, n.from[n.depth] = true, true
	case t.isAny("select", "values", "where", "group", "having", "order", "limit", "offset", "union", "intersect", "except", "window", "set", "returning", "with", "options"):
		n.expects, n.from[n.depth] = false, false
	case t.isAny("as", "materialized"): // of WITH name [(columns)] AS (query)
		if before.name() && !before.isAny("as", "not") {
			n.closed = before.text
		}
		n.expects = false
	case n.expects && !t.isAny("lateral", "only", "rows"):
		n.relation(t)
	case n.peek().class == '(' && !t.isAny("in", "and", "or", "not", "on", "over", "filter", "when", "then", "else", "case", "by", "all", "distinct", "recursive", "mutually", "lateral"):
		n.works = n.works || !n.beforeQuery()
	}
}

// beforeQuery tells whether a parenthesis comes in which there is a query with a name.
func (n *needs) beforeQuery() bool {
	ahead := n.lexer
	ahead.next()
	for depth := 1; depth > 0; {
		switch ahead.next().class {
		case lexEnd:
			return false
		case '(':
			depth++
		case ')':
			depth--
		}
	}
	return ahead.next().is("as") && ahead.peek().class == '('
}

// relation takes in a relation whose name begins with a word.
func (n *needs) relation(t lexeme) {
	n.expects = false
	var schema lexeme
	for n.peek().class == '.' {
		n.next()
		schema, t = t, n.next()
	}
	switch {
	case n.peek().class == '(' && n.from[n.depth]: // a function
		n.works = true
	case begins(t, "mz_cluster_strateg"):
		n.own = true
	case schema.class == lexEnd && n.isSubname(t):
	case schema.class == lexEnd && (begins(t, "pg_") || begins(t, "mz_")), isSystem(schema):
		n.system = true
	default:
		n.user = true
	}
}

// isSubname tells whether WITH has given a query this name.
func (n *needs) isSubname(t lexeme) bool {
	for _, name := range n.names[:n.subnames] {
		if len(name) == len(t.text) && foldsTo(name, t.text) {
			return true
		}
	}
	return false
}

// foldsTo compares names of one length as they are without quotes.
func foldsTo(a, b []byte) bool {
	for i := range a {
		if a[i]|0x20 != b[i]|0x20 {
			return false
		}
	}
	return true
}

func begins(t lexeme, prefix string) bool { return t.name() && hasPrefix(t.text, prefix) }

// isSystem tells whether a schema is the system's, and not one whose relations each replica has for itself.
func isSystem(schema lexeme) bool {
	for _, name := range []string{"pg_catalog", "information_schema", "mz_catalog", "mz_internal", "mz_unsafe", "mz_catalog_unstable"} {
		if schema.name() && len(schema.text) == len(name) && endsIn(schema.text, name) {
			return true
		}
	}
	return false
}
