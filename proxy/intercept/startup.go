package intercept

import (
	"strings"

	"mzproxy/rewrite"
)

// RewriteStartup takes our setting out of the startup parameters: the server
// does not know it.
func (i *Interceptor) RewriteStartup(params map[string]string) map[string]string {
	rest := map[string]string{}
	for name, value := range params {
		switch {
		case strings.EqualFold(name, rewrite.NoticesSetting):
			continue
		case name == "options":
			if value = withoutOurs(value); value == "" {
				continue
			}
		}
		rest[name] = value
	}
	return rest
}

// An option is a setting in the options parameter of a StartupMessage: -c name=value,
// -cname=value or --name=value.
type option struct {
	words       []string // as they stand there
	name, value string
}

// options returns the settings in an options parameter, names in lower case.
func options(text string) map[string]string {
	settings := map[string]string{}
	for _, o := range splitOptions(text) {
		if o.name != "" {
			settings[o.name] = o.value
		}
	}
	return settings
}

// withoutOurs takes our setting out of an options parameter. One that does not have it stays as
// it is.
func withoutOurs(text string) string {
	if _, ok := options(text)[rewrite.NoticesSetting]; !ok {
		return text
	}
	var kept []string
	for _, o := range splitOptions(text) {
		if o.name != rewrite.NoticesSetting {
			kept = append(kept, o.words...)
		}
	}
	return strings.Join(kept, " ")
}

func splitOptions(text string) []option {
	words := optionWords(text)
	var list []option
	for n := 0; n < len(words); n++ {
		o := option{words: words[n : n+1]}
		setting := ""
		switch word := words[n]; {
		case word == "-c" && n+1 < len(words):
			o.words = words[n : n+2]
			setting = words[n+1]
			n++
		case strings.HasPrefix(word, "--"):
			setting = word[2:]
		case strings.HasPrefix(word, "-c"):
			setting = word[2:]
		}
		if name, value, ok := strings.Cut(setting, "="); ok {
			o.name = strings.ToLower(strings.ReplaceAll(name, "-", "_"))
			o.value = strings.ReplaceAll(value, `\`, "")
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
		space := strings.IndexByte(" \t\r\n", text[i]) >= 0
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
