package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Prepare makes the role of a stand-in's connection string what role materialize is in a new environment of Materialize: one that may
// make clusters, roles and databases, and is no superuser. Another role, root, is the superuser then.
func Prepare(ctx context.Context, dsn string) (Server, error) {
	u, err := url.Parse(dsn)
	if err != nil {
		return Server{}, fmt.Errorf("connection string: %w", err)
	}
	role := u.User.Username()
	u.User = url.User("root")
	s := Server{Ordinary: dsn, Superuser: u.String()}
	return s, errors.Join(
		tellAll(ctx, s.Ordinary, "CREATE ROLE root SUPERUSER"),
		tellAll(ctx, s.Superuser, "ALTER ROLE "+role+" NOSUPERUSER CREATEROLE CREATEDB", "GRANT ALL ON SYSTEM TO "+role))
}

// tellAll runs texts that have to succeed.
func tellAll(ctx context.Context, dsn string, texts ...string) error {
	c, err := dial(ctx, dsn, nil)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer c.close()
	for _, text := range texts {
		if wrong := firstError(c.tell(modeSimple, text, nil)); wrong != "" {
			return fmt.Errorf("%s: %s", text, wrong)
		}
	}
	return nil
}

// firstError is the line of an answer that says that the text did not succeed; "" if it did.
func firstError(answer []string) string {
	for _, line := range answer {
		if strings.HasPrefix(line, "error ") || line == closed || line == noAnswer {
			return line
		}
	}
	return ""
}
