package conformance

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What a case makes has to be gone before the next. Its own texts tell the names, so that nobody has to search the catalog,
// which is dear on a real server: mostly it is one statement.

const identifier = `("(?:[^"]|"")+"|[\pL_][\pL\d_$]*)`

// creation finds what a text makes, and renaming what it gets as another name.
var (
	creation = regexp.MustCompile(`(?i)\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMP(?:ORARY)?\s+)?(CLUSTER|TABLE|VIEW|MATERIALIZED\s+VIEW|SOURCE|SINK|CONNECTION|SECRET|SCHEMA|DATABASE|TYPE|ROLE|USER)\s+(?:IF\s+NOT\s+EXISTS\s+)?` + identifier)
	renaming = regexp.MustCompile(`(?i)\bALTER\s+(CLUSTER|TABLE|VIEW|MATERIALIZED\s+VIEW|SOURCE|SINK|CONNECTION|SECRET|SCHEMA|DATABASE)\s+(?:IF\s+EXISTS\s+)?` + identifier + `\s+RENAME\s+TO\s+` + identifier)
)

// The order in which kinds are dropped: what depends on others goes with them. Roles own the rest.
var dropOrder = []string{"CLUSTER", "SINK", "TABLE", "VIEW", "MATERIALIZED VIEW", "SOURCE", "CONNECTION", "SECRET", "TYPE", "SCHEMA", "DATABASE", "ROLE"}

// leftovers are the statements that drop what a case may have made.
func (c *Case) leftovers() []string {
	made := map[string][]string{}
	add := func(kind, name string) {
		kind = strings.Join(strings.Fields(strings.ToUpper(kind)), " ")
		if kind == "USER" {
			kind = "ROLE"
		}
		if kind == "CLUSTER" && strings.EqualFold(name, "replica") || slices.Contains(made[kind], name) {
			return
		}
		made[kind] = append(made[kind], name)
	}
	texts := slices.Clone(c.Setup)
	for _, s := range c.Steps {
		texts = append(texts, s.Text)
	}
	for _, text := range texts {
		for _, m := range creation.FindAllStringSubmatch(text, -1) {
			add(m[1], m[2])
		}
		for _, m := range renaming.FindAllStringSubmatch(text, -1) {
			add(m[1], m[3])
		}
	}
	var all []string
	for _, kind := range dropOrder {
		if names := made[kind]; names != nil {
			cascade := " CASCADE"
			if kind == "ROLE" {
				cascade = ""
			}
			all = append(all, fmt.Sprintf("DROP %s IF EXISTS %s%s", kind, strings.Join(names, ", "), cascade))
		}
	}
	return all
}

// cleanUp drops what the case made, and keeps the sessions that the next may use.
func (r run) cleanUp(ctx context.Context) error {
	var errs []error
	for name, c := range r.sessions {
		if err := r.keep(name, c); err != nil {
			errs = append(errs, err)
		}
	}
	clear(r.sessions)
	statements := slices.Concat(r.c.Cleanup, r.c.leftovers())
	if len(statements) == 0 {
		return errors.Join(errs...)
	}
	session := superSession
	if r.server.Superuser == "" {
		session = "a"
	}
	for _, sql := range statements {
		errs = append(errs, r.must(ctx, session, sql))
	}
	if c := r.sessions[session]; c != nil {
		errs = append(errs, r.keep(session, c))
	}
	return errors.Join(errs...)
}

// keep brings a session back to its beginning, or ends it: that of a role goes with the role, that of options with the case.
func (r run) keep(name string, c *conn) error {
	url, options := r.login(name)
	if options != nil || c.own || c.broken != nil || c.waiting {
		c.close()
		return nil
	}
	if c.status != 'I' {
		c.tell(modeSimple, "ROLLBACK", nil)
	}
	c.tell(modeSimple, "DISCARD ALL", nil)
	if c.broken != nil || c.status != 'I' {
		c.close()
		return fmt.Errorf("%s: session %s could not be used again", r.c.Name, name)
	}
	r.kept[url+" "+name] = c
	return nil
}
