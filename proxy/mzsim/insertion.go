package mzsim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/proxy"
	"mzproxy/rewrite"
)

// insertion finds out which table an INSERT of constants writes, and whether it takes a value of the moment, such as now(), in the
// statement itself or as the default of a column that the statement leaves out. The table is empty where there is none of that name.
func (r router) insertion(ctx context.Context, u rewrite.Usage, path string) (table string, moving bool, err error) {
	if len(u.Relations) == 0 { // COPY has no target, but a relation
		return "", false, nil
	}
	target := u.Relations[0]
	if u.Target != nil {
		target = *u.Target
	}
	left := u.Inserted // the columns that have values
	if u.Defaults {
		left = []string{}
	}
	err = r.pool.QueryRow(ctx, "SELECT name, moving FROM mz_sim.insertion($1, $2, $3, $4)", quoteRelation(target), path, left, u.Width).Scan(&table, &moving)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look up table: %w", err)
	}
	return table, moving || slices.ContainsFunc(u.Functions, func(f string) bool { return momentary[f] }), nil
}

// invalidSelection is the error of a write that reads what it may not read.
func (s scope) invalidSelection() *proxy.Error {
	if len(s.sealed) == 0 {
		return nil
	}
	kind := "source"
	if name := s.sealed[0]; strings.HasPrefix(name, "mz_catalog.") || strings.HasPrefix(name, "mz_internal.") || strings.HasPrefix(name, "pg_catalog.") {
		kind = "system materialized view"
	}
	return &proxy.Error{Code: "25000", Message: "invalid selection: operation may only (transitively) refer to non-source, non-system tables",
		Detail: fmt.Sprintf("%s '\"%s\"' may not be used in this operation; the selection may refer to views and materialized views, "+
			"but transitive dependencies must not include sources or source-export tables", kind, s.sealed[0])}
}
