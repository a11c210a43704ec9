package pgtext

import "strings"

// Option is one part of the options parameter of a StartupMessage: a setting, as -c name=value,
// -cname=value or --name=value, or what is none.
type Option struct {
	Words       []string // as they stand there, backslashes included
	Name, Value string   // of a setting; a name has underscores where the option has hyphens
}

// Options splits an options parameter as PostgreSQL's pg_split_opts does: at white space, of which a backslash
// takes the special meaning.
func Options(text string) []Option {
	words := optionWords(text)
	var list []Option
	for n := 0; n < len(words); n++ {
		o := Option{Words: words[n : n+1]}
		setting := ""
		switch word := words[n]; {
		case word == "-c" && n+1 < len(words):
			o.Words = words[n : n+2]
			setting = words[n+1]
			n++
		case strings.HasPrefix(word, "--"), strings.HasPrefix(word, "-c"):
			setting = word[2:]
		}
		if name, value, ok := strings.Cut(setting, "="); ok {
			o.Name, o.Value = strings.ReplaceAll(unescaped(name), "-", "_"), unescaped(value)
		}
		list = append(list, o)
	}
	return list
}

// optionWords splits at spaces that are not escaped by a backslash. The words keep their
// backslashes.
func optionWords(text string) []string {
	var words []string
	start := -1
	for i := 0; i < len(text); i++ {
		space := strings.IndexByte(" \t\r\n\v\f", text[i]) >= 0
		switch {
		case space && start >= 0:
			words = append(words, text[start:i])
			start = -1
		case !space && start < 0:
			start = i
		}
		if text[i] == '\\' {
			i++
		}
	}
	if start >= 0 {
		words = append(words, text[start:])
	}
	return words
}

// unescaped takes out the backslashes that are in front of a character.
func unescaped(word string) string {
	var b strings.Builder
	for i := 0; i < len(word); i++ {
		if word[i] == '\\' {
			if i++; i == len(word) {
				break
			}
		}
		b.WriteByte(word[i])
	}
	return b.String()
}
