package materialize

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
	"mzproxy/engine/mirror"
	"mzproxy/engine/reconcile"
	"mzproxy/rewrite/pgtext"
)

// Trust says which rows of mz_cluster_strategies count.
type Trust string

// The kinds of Trust.
const (
	TrustAuto     Trust = "auto"     // all, as long as nobody but superusers and the controller may write the table
	TrustAlways   Trust = "always"   // all
	TrustApproved Trust = "approved" // those with an approval
)

// Approvals keeps which rows count. It is safe for concurrent use.
type Approvals struct {
	client *Client

	mu   sync.Mutex
	said string // why, as it was logged last
}

var _ reconcile.Authority = (*Approvals)(nil)

// NewApprovals are those of a client, which stays the caller's.
func NewApprovals(c *Client) *Approvals { return &Approvals{client: c} }

// Trust tells whether rows need an approval now, and why. That is logged whenever it changes.
func (a *Approvals) Trust(ctx context.Context) (needed bool, why string, err error) {
	v, err := a.client.world.seeTouched(ctx)
	if err != nil {
		return false, "", err
	}
	needed, why = a.rule(v)
	a.mu.Lock()
	defer a.mu.Unlock()
	if why == a.said {
		return needed, why, nil
	}
	a.said = why
	if log := a.client.cfg.Logger.WithField("why", why); needed {
		log.Warn("rows of strategies count only with an approval; APPLY STRATEGIES gives it to what is stored")
	} else {
		log.Info("all rows of strategies count")
	}
	return needed, why, nil
}

func (a *Approvals) rule(v *view) (needed bool, why string) {
	switch a.client.cfg.Trust {
	case TrustAlways:
		return false, "by --trust-rows always"
	case TrustApproved:
		return true, "by --trust-rows approved"
	}
	writers := a.othersWho(v)
	if len(writers) == 0 {
		return false, "only superusers and the controller may write " + strategiesTable
	}
	return true, fmt.Sprintf("role %s may write %s, too", some(writers), strategiesTable)
}

// some names one of several.
func some(names []string) string {
	text := pgtext.QuoteIdent(names[0])
	if len(names) > 1 {
		text += fmt.Sprintf(" (and %d more)", len(names)-1)
	}
	return text
}

// othersWho are the names of the roles that may write the table and are neither superusers nor the controller.
func (a *Approvals) othersWho(v *view) []string {
	var writers []string
	controller := a.client.pool.Config().ConnConfig.User
	for _, r := range v.Roles.All() {
		if !strings.HasPrefix(r.ID, "u") || r.Superuser || r.Name == controller {
			continue
		}
		if v.may(r.Role, strategiesTable, "a") || v.may(r.Role, strategiesTable, "w") || v.may(r.Role, strategiesTable, "d") {
			writers = append(writers, r.Name)
		}
	}
	slices.Sort(writers)
	return writers
}

// Authority implements reconcile.Authority: what was approved and who owns what is read, the rest is as a picture of now shows it.
func (a *Approvals) Authority(ctx context.Context) (engine.Authority, error) {
	var out engine.Authority
	var err error
	if out.Needed, out.Why, err = a.Trust(ctx); err != nil || !out.Needed {
		return out, err
	}
	v, err := a.client.world.seeTouched(ctx)
	if err != nil {
		return out, err
	}
	out.Open, out.Roles = v.open, v.Roles.All()
	if out.Clusters, err = a.readOwners(ctx); err != nil {
		return out, err
	}
	if out.Approvals, err = a.readApprovals(ctx); isMissing(err) {
		if err = a.client.EnsureTables(ctx); err == nil {
			out.Approvals, err = a.readApprovals(ctx)
		}
	}
	return out, err
}

func (a *Approvals) readApprovals(ctx context.Context) (list []engine.Approval, err error) {
	err = a.client.query(ctx, "read approvals", "SELECT approval_id, cluster_id, strategy_type, config::text, updated_at::text, role_id, role, superuser FROM "+
		a.client.table(approvalsTable)+" ORDER BY approved_at, approval_id", func(rows pgx.Rows) error {
		var p engine.Approval
		var id, kind, config, updated *string
		if err := rows.Scan(&p.ID, &id, &kind, &config, &updated, &p.RoleID, &p.Role, &p.Superuser); err != nil {
			return err
		}
		p.ClusterID, p.StrategyRow = orEmpty(id), mirror.StrategyRow(id, kind, config, updated)
		list = append(list, p)
		return nil
	})
	return list, err
}

// readOwners reads who owns the clusters at this moment: a picture may be some seconds old.
func (a *Approvals) readOwners(ctx context.Context) (list []engine.ClusterInfo, err error) {
	err = a.client.query(ctx, "read owners", "SELECT id, name, coalesce(owner_id, '') FROM mz_catalog.mz_clusters", func(rows pgx.Rows) error {
		var c engine.ClusterInfo
		err := rows.Scan(&c.ID, &c.Name, &c.OwnerID)
		list = append(list, c)
		return err
	})
	return list, err
}

// Stored reads the rows of clusters as they are in the table.
func (a *Approvals) Stored(ctx context.Context, clusterIDs ...string) (map[string][]engine.StrategyRow, error) {
	if len(clusterIDs) == 0 {
		return nil, nil
	}
	rows, _, err := a.client.readRows(ctx, clusterIDs)
	return rows, err
}

// Approve records approvals, and ends others.
func (a *Approvals) Approve(ctx context.Context, add []engine.Approval, drop []string) error {
	if len(add) > 0 {
		moment := pgtext.QuoteLiteral(a.client.clock.there(time.Now()).UTC().Format(time.RFC3339Nano)) + "::timestamptz"
		var rows []string
		for _, p := range add {
			updated := "NULL::timestamptz"
			if p.UpdatedAt != nil {
				updated = pgtext.QuoteLiteral(p.UpdatedAt.UTC().Format(time.RFC3339Nano)) + "::timestamptz"
			}
			values := []string{pgtext.QuoteLiteral(uuid.NewString()), pgtext.QuoteLiteral(p.ClusterID), pgtext.QuoteLiteral(p.Type), pgtext.QuoteLiteral(string(p.Config)) + "::jsonb",
				updated, pgtext.QuoteLiteral(p.RoleID), pgtext.QuoteLiteral(p.Role), fmt.Sprint(p.Superuser), moment}
			rows = append(rows, "("+strings.Join(values, ", ")+")")
		}
		if _, err := a.client.exec(ctx, "insert approvals", "INSERT INTO "+a.client.table(approvalsTable)+
			" (approval_id, cluster_id, strategy_type, config, updated_at, role_id, role, superuser, approved_at) VALUES "+strings.Join(rows, ", ")); err != nil {
			return err
		}
	}
	if len(drop) == 0 {
		return nil
	}
	_, err := a.client.exec(ctx, "delete approvals", "DELETE FROM "+a.client.table(approvalsTable)+" WHERE approval_id IN "+in(drop))
	return err
}
