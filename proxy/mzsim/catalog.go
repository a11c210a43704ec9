package mzsim

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed schema/*.sql
var schemaFiles embed.FS

// loadCatalog creates the role and database that clients use, and the catalog. Where an earlier run
// has done so in the same data directory, it ends what that run left unfinished.
func loadCatalog(ctx context.Context, p *postgres) error {
	boot, err := pgx.Connect(ctx, p.dsn(maintenance))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = boot.Close(ctx) }()
	var done bool
	if err := boot.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", database).Scan(&done); err != nil {
		return fmt.Errorf("look for database: %w", err)
	}
	if done {
		return reopen(ctx, p)
	}
	for _, statement := range []string{
		"CREATE ROLE " + userRole + " LOGIN",
		"ALTER DATABASE postgres RENAME TO " + database, // a quarter of a second faster than a new one on a disk
		"ALTER DATABASE " + database + " OWNER TO " + userRole,
	} {
		if _, err := boot.Exec(ctx, statement); err != nil {
			return fmt.Errorf("create database: %w", err)
		}
	}
	return loadSchema(ctx, p)
}

// reopen prepares the catalog of an earlier run, which has to be one of this version.
func reopen(ctx context.Context, p *postgres) error {
	script, err := schemaScript()
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, p.dsn(database))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	var same bool
	if err := conn.QueryRow(ctx, "SELECT mz_sim.made_by($1)", fingerprint(script)).Scan(&same); err != nil {
		return fmt.Errorf("read version of data directory: %w", err)
	}
	if !same {
		return fmt.Errorf("data directory %q was made by another version of the stand-in: remove it or name another one", p.dir)
	}
	if _, err := conn.Exec(ctx, "CALL mz_sim.reopen()"); err != nil {
		return fmt.Errorf("reopen catalog: %w", err)
	}
	return nil
}

func fingerprint(script string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(script))) }

// schemaScript is the schema files in the order of their names, and the rows that the program knows.
func schemaScript() (string, error) {
	files, err := schemaFiles.ReadDir("schema")
	if err != nil {
		return "", fmt.Errorf("read schema: %w", err)
	}
	var b strings.Builder
	for _, f := range files {
		text, err := schemaFiles.ReadFile("schema/" + f.Name())
		if err != nil {
			return "", fmt.Errorf("read schema: %w", err)
		}
		b.Write(text)
		b.WriteByte('\n')
	}
	b.WriteString(variablesScript())
	return b.String(), nil
}

// loadSchema runs the schema files, all or none.
func loadSchema(ctx context.Context, p *postgres) error {
	script, err := schemaScript()
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, p.dsn(database))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	made := "CREATE FUNCTION mz_sim.made_by(script text) RETURNS bool LANGUAGE sql AS $$ SELECT script = '" + fingerprint(script) + "' $$;"
	if _, err := conn.PgConn().Exec(ctx, "BEGIN; SET LOCAL allow_system_table_mods = on;\n"+script+made+"COMMIT;").ReadAll(); err != nil {
		return fmt.Errorf("load schema: %w", err)
	}
	return nil
}
