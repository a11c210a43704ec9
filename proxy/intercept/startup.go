package intercept

import (
	"strings"

	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
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

// options returns the settings in an options parameter, names in lower case.
func options(text string) map[string]string {
	settings := map[string]string{}
	for _, o := range pgtext.Options(text) {
		if o.Name != "" {
			settings[strings.ToLower(o.Name)] = o.Value
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
	for _, o := range pgtext.Options(text) {
		if strings.ToLower(o.Name) != rewrite.NoticesSetting {
			kept = append(kept, o.Words...)
		}
	}
	return strings.Join(kept, " ")
}
