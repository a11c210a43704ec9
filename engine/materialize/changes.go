package materialize

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine/mirror"
	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

const changeColumns = "change_id, cluster_id, strategy_type, change, old_config, new_config, role, application, client, created_at"

// RecordChanges writes what somebody has changed, in one statement.
func (c *Client) RecordChanges(ctx context.Context, changes []reconcile.ChangeRecord) error {
	if len(changes) == 0 {
		return nil
	}
	now := timestamp(c.serverTime(ctx))
	var rows []string
	for _, r := range changes {
		rows = append(rows, "("+strings.Join([]string{
			pgtext.QuoteLiteral(r.ChangeID), literalOrNull(r.ClusterID), literalOrNull(r.Strategy), pgtext.QuoteLiteral(r.Kind), jsonOrNull(r.Old), jsonOrNull(r.New),
			literalOrNull(r.Role), literalOrNull(r.Application), literalOrNull(r.Client), now}, ", ")+")")
	}
	_, err := c.exec(ctx, "record changes", "INSERT INTO "+c.table(changesTable)+" ("+changeColumns+") VALUES "+strings.Join(rows, ", "))
	return err
}

func literalOrNull(text string) string {
	if text == "" {
		return "NULL"
	}
	return pgtext.QuoteLiteral(text)
}

func jsonOrNull(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "NULL"
	}
	return pgtext.QuoteLiteral(string(raw)) + "::jsonb"
}

// Changes returns the newest changes first. A pause of all clusters is one of each.
func (c *Client) Changes(ctx context.Context, f reconcile.ActionFilter) ([]reconcile.ChangeRecord, error) {
	where := "true"
	if f.ClusterID != "" {
		where = "cluster_id IN " + in([]string{f.ClusterID, "*"})
	}
	if f.Limit <= 0 {
		f.Limit = 20
	}
	var records []reconcile.ChangeRecord
	err := c.query(ctx, "read changes", "SELECT change_id, cluster_id, strategy_type, change, old_config::text, new_config::text, role, application, client, created_at::text FROM "+
		c.table(changesTable)+" WHERE "+where+" ORDER BY created_at DESC, change_id LIMIT "+strconv.Itoa(f.Limit),
		func(rows pgx.Rows) error {
			var text [10]*string
			into := make([]any, len(text))
			for i := range text {
				into[i] = &text[i]
			}
			if err := rows.Scan(into...); err != nil {
				return err
			}
			records = append(records, changeRecord(text))
			return nil
		})
	return records, err
}

func changeRecord(text [10]*string) reconcile.ChangeRecord {
	r := reconcile.ChangeRecord{ChangeID: orEmpty(text[0]), ClusterID: orEmpty(text[1]), Strategy: orEmpty(text[2]), Kind: orEmpty(text[3]),
		Role: orEmpty(text[6]), Application: orEmpty(text[7]), Client: orEmpty(text[8])}
	for i, into := range []*json.RawMessage{&r.Old, &r.New} {
		if t := text[4+i]; t != nil {
			*into = json.RawMessage(*t)
		}
	}
	if at := mirror.MomentOr(text[9], nil); at != nil {
		r.At = *at
	}
	return r
}
