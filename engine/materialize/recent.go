package materialize

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// recentActions is what a cluster's audit rows of the last hour tell.
type recentActions struct {
	executed  int64 // in the time of the rate
	failures  map[string]engine.Failure
	succeeded map[string]engine.Timestamp // when a statement was executed last
}

// readRecentActions counts the actions that were executed in the time of the rate, whoever took them, and finds those that
// keep failing. What has failed is tried again with a backoff of its own, so it does not count for the rate. Rows that are dated in the future are nobody's.
func (o *observation) readRecentActions(ctx context.Context) error {
	o.recent = map[string]*recentActions{}
	return o.client.query(ctx, "read recent actions", `
		SELECT cluster_id, action_sql, error_message, decision_ctx->>'sqlstate', executed, count(*), count(CASE WHEN created_at > now() - INTERVAL '`+seconds(o.client.tuned().Rate.Within)+`' THEN 1 END), max(created_at)::text
		FROM `+o.client.table(actionsTable)+`
		WHERE executed IS NOT NULL AND created_at > now() - INTERVAL '1 hour' AND created_at < now() + INTERVAL '1 minute' AND `+o.filter("cluster_id")+`
		GROUP BY cluster_id, action_sql, error_message, decision_ctx->>'sqlstate', executed`,
		func(rows pgx.Rows) error {
			var id, sql, message, code, last *string
			var executed bool
			var all, lately int64
			if err := rows.Scan(&id, &sql, &message, &code, &executed, &all, &lately, &last); err != nil {
				return err
			}
			o.addRecent(orEmpty(id), engine.Failure{SQL: orEmpty(sql), Error: orEmpty(message), Code: orEmpty(code), Times: all}, executed, lately, last)
			return nil
		})
}

// addRecent takes in how often a statement was executed, or failed in the same way, in the last hour, and in the time of the rate.
func (o *observation) addRecent(id string, f engine.Failure, executed bool, lately int64, last *string) {
	r := o.recent[id]
	if r == nil {
		r = &recentActions{failures: map[string]engine.Failure{}, succeeded: map[string]engine.Timestamp{}}
		o.recent[id] = r
	}
	if at := momentOr(last, nil); at != nil {
		f.Last = engine.At(*at)
	}
	if executed {
		r.executed += lately
		if f.Last.Compare(r.succeeded[f.SQL]) > 0 {
			r.succeeded[f.SQL] = f.Last
		}
		return
	}
	old := r.failures[f.SQL]
	f.Times += old.Times
	if old.Last.Compare(f.Last) > 0 {
		f.Last, f.Error, f.Code = old.Last, old.Error, old.Code
	}
	r.failures[f.SQL] = f
}

// failing lists the statements that were not executed since they failed, sorted.
func (r *recentActions) failing() []engine.Failure {
	var list []engine.Failure
	for sql, f := range r.failures {
		if f.Last.Compare(r.succeeded[sql]) >= 0 {
			list = append(list, f)
		}
	}
	slices.SortFunc(list, func(a, b engine.Failure) int { return strings.Compare(a.SQL, b.SQL) })
	return list
}
