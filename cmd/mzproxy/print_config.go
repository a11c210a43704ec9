package main

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
)

// settingLine is a setting as people are shown it.
type settingLine struct{ name, value, source string }

// lines are the settings of the command, secrets masked, with where each comes from.
func (l *loaded) lines() []settingLine {
	var list []settingLine
	for _, flag := range l.flags() {
		if slices.Contains([]string{"help", "version", "config", "print-config"}, flag.Name) {
			continue
		}
		list = append(list, settingLine{flag.Name, shownValue(flag), l.place(flag.Name)})
	}
	return list
}

// printConfig writes the settings as a file that could be read again, but for its secrets.
func (l *loaded) printConfig(w io.Writer) error {
	for _, line := range l.lines() {
		if _, err := fmt.Fprintf(w, "%s: %s  # %s\n", line.name, yamlValue(line.value), line.source); err != nil {
			return err
		}
	}
	return nil
}

// masked stands where a secret is.
const maskedSecret = "xxxxx"

// shownValue is the value of a flag without the secrets in it.
func shownValue(flag *kong.Flag) string {
	value := rendered(flag.Target.Interface())
	switch {
	case value == "" || !flag.Tag.Has("secret"):
		return value
	case strings.Contains(value, "://"):
		return withoutPassword(value)
	}
	return maskedSecret
}

var passwordParameter = regexp.MustCompile(`(?i)([?&](?:ssl)?password=)[^&#]*`)

// withoutPassword masks the passwords in a connection URI, however wrong it is otherwise.
func withoutPassword(uri string) string {
	scheme, rest, _ := strings.Cut(uri, "://")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, _, has := strings.Cut(rest[:at], ":")
		if has {
			user += ":" + maskedSecret
		}
		rest = user + rest[at:]
	}
	return scheme + "://" + passwordParameter.ReplaceAllString(rest, "${1}"+maskedSecret)
}

var plainValue = regexp.MustCompile(`^[A-Za-z0-9/][A-Za-z0-9_./=,-]*$`)

// yamlValue quotes what YAML would take for something else than a text.
func yamlValue(value string) string {
	if plainValue.MatchString(value) {
		return value
	}
	return strconv.Quote(value)
}
