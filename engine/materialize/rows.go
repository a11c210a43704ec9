package materialize

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/engine/mirror"
)

// From so many named clusters on, all are read and those that were not named
// are left out here: the list would make the statement longer than requests may be.
const longList = 500

// serverNow is the server's timestamp: all that was done before is of earlier ones.
func (c *Client) serverNow(ctx context.Context) (at mirror.Timestamp, err error) {
	err = c.query(ctx, "read the time", "SELECT mz_now()::text", func(rows pgx.Rows) (err error) {
		at, err = scanNow(rows)
		return err
	})
	return at, err
}

// scanNow reads mz_now() as the only column of a row.
func scanNow(rows pgx.Rows) (mirror.Timestamp, error) {
	var now string
	if err := rows.Scan(&now); err != nil {
		return 0, err
	}
	return parseNow(now)
}

func parseNow(text string) (mirror.Timestamp, error) {
	n, err := strconv.ParseInt(text, 10, 64)
	return mirror.Timestamp(n), err
}

// strange asks for clusters that are not in the picture. It returns a timestamp at which those that exist were there.
func (c *Client) strange(ctx context.Context, ids []string) (from mirror.Timestamp, err error) {
	v, err := c.world.see(ctx)
	if err != nil {
		return 0, err
	}
	var strangers []string
	for _, id := range ids {
		if v.Clusters[id] == nil && strings.HasPrefix(id, "u") && len(id) < 30 {
			strangers = append(strangers, id)
		}
	}
	if len(strangers) == 0 || len(strangers) > longList {
		return 0, nil
	}
	err = c.query(ctx, "find clusters", "SELECT mz_now()::text FROM mz_catalog.mz_clusters WHERE id IN "+in(strangers), func(rows pgx.Rows) error {
		at, err := scanNow(rows)
		from = max(from, at)
		return err
	})
	return from, err
}

// readRows reads the rows of strategies of some clusters, and of all clusters at once; of none: of all. at is the time of the rows; 0: there are none.
func (c *Client) readRows(ctx context.Context, ids []string) (rows map[string][]engine.StrategyRow, at mirror.Timestamp, err error) {
	rows = map[string][]engine.StrategyRow{}
	where := ""
	if len(ids) > 0 && len(ids) <= longList {
		where = " WHERE cluster_id IN " + in(append(slices.Clone(ids), engine.AllClusters))
	}
	c.world.mu.Lock()
	updated := "updated_at::text"
	if c.world.undated {
		updated = "NULL::text"
	}
	c.world.mu.Unlock()
	err = c.query(ctx, "read strategies", "SELECT cluster_id, strategy_type, config::text, "+updated+", mz_now()::text FROM "+c.table(strategiesTable)+where,
		func(result pgx.Rows) error {
			var id, kind, config, updated *string
			var now string
			err := result.Scan(&id, &kind, &config, &updated, &now)
			if err == nil {
				at, err = parseNow(now)
			}
			rows[orEmpty(id)] = append(rows[orEmpty(id)], mirror.StrategyRow(id, kind, config, updated))
			return err
		})
	for _, list := range rows {
		mirror.SortRows(list)
	}
	return rows, at, err
}

// orEmpty is "" for NULL.
func orEmpty(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
