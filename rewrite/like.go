package rewrite

import "errors"

// ErrPattern is a pattern that ends in its escape character.
var ErrPattern = errors.New("LIKE pattern must not end with escape character")

// Like matches a text against a LIKE pattern: % is any text, _ any character,
// and a backslash takes the next one as it is.
func Like(pattern, text string) (bool, error) {
	p, t := []rune(pattern), []rune(text)
	for i := 0; i < len(p); i++ {
		if p[i] == '\\' {
			if i++; i == len(p) {
				return false, ErrPattern
			}
		}
	}
	// One place to go back to is enough: behind the last %.
	i, j, star, mark := 0, 0, -1, 0
	for j < len(t) {
		switch {
		case i < len(p) && p[i] == '%':
			star, mark = i, j
			i++
		case i < len(p) && p[i] == '\\' && p[i+1] == t[j]:
			i += 2
			j++
		case i < len(p) && p[i] != '\\' && (p[i] == '_' || p[i] == t[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false, nil
		}
	}
	for i < len(p) && p[i] == '%' {
		i++
	}
	return i == len(p), nil
}
