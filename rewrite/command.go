package rewrite

import "slices"

// Command is a custom command. The concrete types are the parsed forms.
type Command interface {
	// Name is the command's words, as in "SHOW STRATEGY STATUS".
	Name() string
}

// recogniser knows one custom command.
type recogniser struct {
	syntax []string // lines of the grammar, as shown to people
	// claims tells by the first tokens whether a statement is this command;
	// from then on, what is malformed is an error.
	claims func(p *parser) bool
	parse  func(p *parser) (Command, error)
}

// recognisers lists the custom commands in the order in which they are shown.
func recognisers() []recogniser {
	return []recogniser{
		explainStrategy, showStrategies, showStatus, showActions, showHistory, showTypes, showHelp, showProxy,
		apply, validate, pause, resume, resetState, setNotices, resetNotices, showNotices, showStrategyOther,
	}
}

// Grammar returns the grammar of the custom commands, a line each.
func Grammar() []string {
	var lines []string
	for _, r := range recognisers() {
		lines = append(lines, r.syntax...)
	}
	return lines
}

// The words that custom commands begin with.
var verbs = []string{"explain", "show", "apply", "validate", "pause", "resume", "reset", "set"}

// parseCommand returns the custom command that a statement is, or nil.
func parseCommand(text string, piece Piece, env Env) (Command, error) {
	if !piece.Tokens[0].Is(verbs...) {
		return nil, nil
	}
	for _, r := range recognisers() {
		p := &parser{text: text, piece: piece, env: env}
		if !r.claims(p) {
			continue
		}
		command, err := r.parse(p)
		if err != nil {
			return nil, err
		}
		if err := p.end(); err != nil {
			return nil, p.clusterMeant(command, err)
		}
		return command, nil
	}
	return nil, nil
}

// clusterMeant sees a single name behind a command for what it is meant to be.
func (p *parser) clusterMeant(command Command, err error) error {
	syntax, ok := err.(*SyntaxError) //nolint:errorlint // of the parser itself
	t, _ := p.peek(0)
	_, more := p.peek(1)
	if _, isName := t.Name(); ok && isName && !more && slices.Contains(syntax.Expected, "FOR") {
		syntax.Meant = command.Name() + " FOR CLUSTER " + p.text[t.Start:t.End]
	}
	return err
}

// parser walks over the tokens of one command and remembers what would have
// been taken at the place where it stands.
type parser struct {
	text     string
	piece    Piece
	env      Env
	i        int
	expected []string
}

// peek returns the token n places ahead; ok is false past the end.
func (p *parser) peek(n int) (Token, bool) {
	if p.i+n >= len(p.piece.Tokens) {
		return Token{}, false
	}
	return p.piece.Tokens[p.i+n], true
}

func (p *parser) advance(n int) {
	p.i += n
	p.expected = nil
}

// starts tells whether the statement begins with these words, each given with
// its alternatives.
func (p *parser) starts(words ...[]string) bool {
	for n, alternatives := range words {
		if t, ok := p.peek(n); !ok || !t.Is(alternatives...) {
			return false
		}
	}
	return true
}

// word takes a keyword, if it is there.
func (p *parser) word(word string) bool {
	if t, ok := p.peek(0); ok && t.Is(word) {
		p.advance(1)
		return true
	}
	p.expected = append(p.expected, upper(word))
	return false
}

// op takes a piece of punctuation, if it is there.
func (p *parser) op(op string) bool {
	if t, ok := p.peek(0); ok && t.Kind == Op && t.Text == op {
		p.advance(1)
		return true
	}
	p.expected = append(p.expected, `"`+op+`"`)
	return false
}

// fail is the error at the place where the parser stands.
func (p *parser) fail(expected ...string) error {
	e := &SyntaxError{Offset: p.piece.End, Expected: append(p.expected, expected...)}
	slices.Sort(e.Expected)
	e.Expected = slices.Compact(e.Expected)
	if t, ok := p.peek(0); ok {
		e.Offset, e.Found = t.Start, p.text[t.Start:t.End]
	}
	return e
}

func (p *parser) end() error {
	if _, more := p.peek(0); more {
		return p.fail("end of statement")
	}
	return nil
}

// text literal: taken, or an error.
func (p *parser) string(what string) (string, error) {
	t, ok := p.peek(0)
	if !ok || t.Kind != String {
		return "", p.fail(what)
	}
	p.advance(1)
	return t.Text, nil
}

// Name is the name of a cluster, and where it stands.
type Name struct {
	Text   string
	Offset int
}

// cluster takes the name after CLUSTER: an identifier, or, to be kind to names
// with hyphens, a string.
func (p *parser) cluster() (*Name, error) {
	t, ok := p.peek(0)
	name, isName := t.Name()
	if ok && t.Kind == String {
		name, isName = t.Text, true
	}
	if !ok || !isName {
		return nil, p.fail("the name of a cluster")
	}
	p.advance(1)
	return &Name{name, t.Start}, nil
}

// forCluster takes [FOR] CLUSTER name. What else may follow FOR is the caller's to take.
func (p *parser) forCluster(others ...string) (*Name, error) {
	next, more := p.peek(1)
	if t, _ := p.peek(0); t.Is("for") && more && !next.Is("cluster") && len(others) > 0 {
		return nil, nil
	}
	if p.word("for") {
		if !p.word("cluster") {
			return nil, p.fail(others...)
		}
		return p.cluster()
	}
	if p.word("cluster") {
		return p.cluster()
	}
	return nil, nil
}

// like takes LIKE 'pattern'.
func (p *parser) like() (*string, error) {
	if !p.word("like") {
		return nil, nil
	}
	pattern, err := p.string("a pattern in single quotes")
	return &pattern, err
}

func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 'a' + 'A'
		}
	}
	return string(b)
}

var strategyWord = []string{"strategy", "strategies"}

// begins tells whether the statement is VERB [SCALING] word.
func (p *parser) begins(verb string, words ...string) bool {
	return p.starts([]string{verb}, words) || p.starts([]string{verb}, []string{"scaling"}, words)
}

// skipTo goes behind the strategy word of VERB [SCALING] STRATEGY.
func (p *parser) skipTo() {
	p.advance(1)
	if t, _ := p.peek(0); t.Is("scaling") {
		p.advance(1)
	}
	p.advance(1)
}

// Scope is what most commands take: one cluster, or those that a pattern
// selects; neither: all.
type Scope struct {
	Cluster *Name
	Like    *string
}

func (p *parser) scope(withLike bool) (s Scope, err error) {
	if s.Cluster, err = p.forCluster(); err != nil || !withLike {
		return s, err
	}
	s.Like, err = p.like()
	return s, err
}
