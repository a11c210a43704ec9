package rewrite

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	pg_query "github.com/pganalyze/pg_query_go/v5"

	"mzproxy/rewrite/pgtext"
)

// Kind is the kind of a Token.
type Kind uint8

// The kinds of tokens.
const (
	Keyword  Kind = iota // a word that is not quoted: keyword or identifier
	QuotedID             // "quoted", U&"quoted"
	String               // '', E'', U&'', $$ $$
	Number
	Param // $1
	Op    // punctuation and operators
)

// Token is a piece of SQL text. Comments and white space are no tokens.
type Token struct {
	Kind       Kind
	Start, End int
	// Text is the word in lower case (Keyword), the decoded name (QuotedID) or value (String), and the
	// source otherwise.
	Text string
}

// Is tells whether the token is one of these words, unquoted, in any case.
func (t Token) Is(words ...string) bool {
	if t.Kind != Keyword {
		return false
	}
	for _, w := range words {
		if t.Text == w {
			return true
		}
	}
	return false
}

// isOp tells whether the token is this piece of punctuation.
func (t Token) isOp(text string) bool { return t.Kind == Op && t.Text == text }

// param returns the number of a parameter.
func (t Token) param() (int, bool) {
	n, err := strconv.Atoi(strings.TrimPrefix(t.Text, "$"))
	return n, t.Kind == Param && err == nil
}

// Name returns the name that the token stands for as an identifier.
func (t Token) Name() (string, bool) {
	return t.Text, t.Kind == Keyword || t.Kind == QuotedID
}

// What the C scanner and parser are asked to read at most: they recurse and copy.
const (
	maxText  = 4 << 20
	maxDepth = 500
)

var errTooLong = errors.New("text too long")

// Tokens cuts a text into tokens. It fails where PostgreSQL's scanner would, for
// example on a quote that is not closed.
func Tokens(text string) ([]Token, error) {
	if len(text) > maxText {
		return nil, errTooLong
	}
	if strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		return nil, errors.New("not a text: NUL or invalid UTF-8")
	}
	result, err := pg_query.Scan(text)
	if err != nil {
		return nil, fmt.Errorf("scan: %w", err)
	}
	tokens := make([]Token, 0, len(result.Tokens))
	for _, t := range result.Tokens {
		if t.Token == pg_query.Token_SQL_COMMENT || t.Token == pg_query.Token_C_COMMENT {
			continue
		}
		if n := len(tokens); n > 0 && int(t.Start) < tokens[n-1].End {
			continue // part of U&'...' UESCAPE '...', which is one token here
		}
		token, err := newToken(text, t)
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, token)
	}
	return tokens, nil
}

func newToken(text string, t *pg_query.ScanToken) (Token, error) {
	start, end := int(t.Start), int(t.End)
	if t.Token == pg_query.Token_UIDENT || t.Token == pg_query.Token_USCONST {
		end = unicodeEnd(text, start) // the scanner does not tell
	}
	if start < 0 || end > len(text) || start > end {
		return Token{}, errors.New("scan: token outside the text")
	}
	source := text[start:end]
	token := Token{Kind: Op, Start: start, End: end, Text: source}
	switch {
	case t.Token == pg_query.Token_SCONST || t.Token == pg_query.Token_USCONST:
		literal, err := decodeString(source)
		if err != nil {
			return Token{}, err
		}
		token.Kind, token.Text = String, literal.value
	case t.Token == pg_query.Token_UIDENT || source != "" && source[0] == '"':
		name, err := decodeIdent(source)
		if err != nil {
			return Token{}, err
		}
		token.Kind, token.Text = QuotedID, name
	case t.Token == pg_query.Token_IDENT || t.KeywordKind != pg_query.KeywordKind_NO_KEYWORD:
		token.Kind, token.Text = Keyword, lower(source)
	case t.Token == pg_query.Token_ICONST || t.Token == pg_query.Token_FCONST:
		token.Kind = Number
	case t.Token == pg_query.Token_PARAM:
		token.Kind = Param
	}
	return token, nil
}

// lower folds ASCII letters as the server does.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Piece is one statement of a text: its span without the semicolon, and its
// tokens.
type Piece struct {
	pgtext.Span
	Tokens []Token
}

// Split cuts a text into statements at semicolons, but for those in
// parentheses and in bodies of functions. Empty statements are left out.
func Split(text string) ([]Piece, error) {
	tokens, err := Tokens(text)
	if err != nil {
		return nil, err
	}
	return pieces(tokens), nil
}

func pieces(tokens []Token) []Piece {
	var pieces []Piece
	first, depth, atomic := 0, 0, 0
	end := func(i int) {
		if i > first {
			pieces = append(pieces, Piece{pgtext.Span{Start: tokens[first].Start, End: tokens[i-1].End}, tokens[first:i]})
		}
		first = i + 1
	}
	for i, t := range tokens {
		switch {
		case t.Is("atomic") && i > first && tokens[i-1].Is("begin") && tokens[first].Is("create"), t.Is("case") && atomic > 0:
			atomic++ // the body of a function, which the server does not know; CASE has an END, too
		case t.Is("end") && atomic > 0:
			atomic--
		case t.isOp("("):
			depth++
		case t.isOp(")"):
			depth--
		case t.isOp(";") && depth <= 0 && atomic == 0:
			end(i)
			depth = 0
		}
	}
	end(len(tokens))
	return pieces
}
