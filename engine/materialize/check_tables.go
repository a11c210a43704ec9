package materialize

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/rewrite/pgtext"
)

// tables checks the schema and the columns of our tables, and that the controller may use them.
func (k *check) tables(ctx context.Context) {
	schema, role := pgtext.QuoteIdent(k.client.cfg.Schema), pgtext.QuoteIdent(k.role.Name)
	there := false
	err := k.client.query(ctx, "read schemas", "SELECT name FROM mz_catalog.mz_schemas WHERE name = $1", func(pgx.Rows) error {
		there = true
		return nil
	}, k.client.cfg.Schema)
	if err == nil && !there {
		k.run(Failure, "tables", []string{"CREATE SCHEMA " + schema, "GRANT USAGE, CREATE ON SCHEMA " + schema + " TO " + role},
			"there is no schema %s; create it, or name another with --schema", schema)
		return
	}
	var missing []int
	for i, t := range tables {
		_, err := k.client.exec(ctx, "read table", "SELECT "+columnNames(t.columns)+" FROM "+k.client.table(t.name)+" LIMIT 0")
		switch {
		case isMissing(err):
			missing = append(missing, i)
		case err != nil:
			k.add(Failure, "tables", "%s: %s", t.name, err)
		default:
			k.privileges(ctx, t.name)
		}
	}
	if len(missing) > 0 {
		k.missing(ctx, missing)
	}
}

// missing tells of tables that serve would create, if it may.
func (k *check) missing(ctx context.Context, which []int) {
	var names, statements []string
	for _, i := range which {
		names = append(names, tables[i].name)
		statements = append(statements, k.client.createStatement(i))
	}
	schema, role := pgtext.QuoteIdent(k.client.cfg.Schema), pgtext.QuoteIdent(k.role.Name)
	var may *bool
	err := k.client.pool.QueryRow(ctx, "SELECT has_schema_privilege($1, 'CREATE')", k.client.cfg.Schema).Scan(&may)
	switch {
	case err != nil:
		k.run(Warning, "tables", statements, "missing: %s; serve creates them if role %s has CREATE on schema %s, which cannot be read (%s)", strings.Join(names, ", "), role, schema, fault(told(err)))
	case may != nil && *may || k.role.Superuser:
		k.add(Warning, "tables", "missing: %s; serve creates them", strings.Join(names, ", "))
	default:
		for _, i := range which {
			statements = append(statements, k.client.grantTable(i, role))
		}
		k.run(Failure, "tables", statements, "missing: %s, and role %s has no CREATE on schema %s; somebody who has it has to run the statements below", strings.Join(names, ", "), role, schema)
	}
}

// grantTable lets a role use one of our tables.
func (c *Client) grantTable(i int, role string) string {
	return "GRANT SELECT, INSERT, UPDATE, DELETE ON " + c.table(tables[i].name) + " TO " + role
}

// columnNames cuts definitions of columns down to their names.
func columnNames(definitions string) string {
	var names []string
	for _, d := range strings.Split(definitions, ", ") {
		name, _, _ := strings.Cut(d, " ")
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

func (k *check) privileges(ctx context.Context, table string) {
	var missing []string
	for _, privilege := range []string{"SELECT", "INSERT", "UPDATE", "DELETE"} {
		var may *bool
		err := k.client.pool.QueryRow(ctx, "SELECT has_table_privilege($1, $2)", k.client.table(table), privilege).Scan(&may)
		if err != nil {
			k.add(Warning, "tables", "%s: privileges cannot be read: %s", table, err)
			return
		}
		if may == nil || !*may {
			missing = append(missing, privilege)
		}
	}
	if len(missing) > 0 && !k.role.Superuser {
		statement := "GRANT " + strings.Join(missing, ", ") + " ON " + k.client.table(table) + " TO " + pgtext.QuoteIdent(k.role.Name)
		k.run(Failure, "tables", []string{statement}, "%s: the controller lacks %s; run: %s", table, strings.Join(missing, ", "), statement)
		return
	}
	k.add(OK, "tables", "%s", table)
}

// otherTool looks for audit rows that somebody else has written lately: two who act on the same clusters undo each other's work.
func (k *check) otherTool(ctx context.Context) {
	var rows int64
	var last *string
	err := k.client.pool.QueryRow(ctx, "SELECT count(*), max(created_at)::text FROM "+k.client.table(actionsTable)+
		" WHERE NOT ("+ours+") AND created_at > now() - INTERVAL '1 day'").Scan(&rows, &last)
	if err == nil && rows > 0 {
		k.add(Warning, "other tool", "%s of the last day are not the proxy's, the newest from %s: another tool acts on the same clusters; stop its cron job, or run the proxy with --observe beside it",
			counted(rows, "audit row"), orEmpty(last))
	}
	err = k.client.pool.QueryRow(ctx, "SELECT count(*) FROM "+k.client.table(stateTable)+" WHERE NOT ("+ourState+")").Scan(&rows)
	if err == nil && rows > 0 {
		k.add(OK, "other tool", "%s of state are another tool's and are left alone: cooldowns begin anew", counted(rows, "row"))
	}
}

// counted is a number with its noun.
func counted(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(n, 10) + " " + noun + "s"
}
