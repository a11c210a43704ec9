package materialize

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
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

	mu      sync.Mutex
	writers []string // who may write the table beside superusers and the controller
	read    time.Time
	said    string // why, as it was logged last
}

var _ reconcile.Authority = (*Approvals)(nil)

// How long what is known of the table's privileges counts.
const writersFor = time.Second

// NewApprovals are those of a client, which stays the caller's.
func NewApprovals(c *Client) *Approvals { return &Approvals{client: c} }

// Trust tells whether rows need an approval now, and why. That is logged whenever it changes.
func (a *Approvals) Trust(ctx context.Context) (needed bool, why string, err error) {
	needed, why, err = a.rule(ctx)
	if err != nil {
		return needed, why, err
	}
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

func (a *Approvals) rule(ctx context.Context) (needed bool, why string, err error) {
	switch a.client.cfg.Trust {
	case TrustAlways:
		return false, "by --trust-rows always", nil
	case TrustApproved:
		return true, "by --trust-rows approved", nil
	}
	writers, err := a.othersWho(ctx)
	switch {
	case err != nil:
		return false, "", err
	case len(writers) == 0:
		return false, "only superusers and the controller may write " + strategiesTable, nil
	}
	return true, fmt.Sprintf("role %s may write %s, too", some(writers), strategiesTable), nil
}

// some names one of several.
func some(names []string) string {
	text := pgtext.QuoteIdent(names[0])
	if len(names) > 1 {
		text += fmt.Sprintf(" (and %d more)", len(names)-1)
	}
	return text
}

// othersWho reads the roles that may write the table and are neither superusers nor the controller.
func (a *Approvals) othersWho(ctx context.Context) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.read) < writersFor {
		return a.writers, nil
	}
	began := time.Now()
	table := pgtext.QuoteLiteral(a.client.table(strategiesTable))
	var held []string
	for _, privilege := range []string{"INSERT", "UPDATE", "DELETE"} {
		held = append(held, "has_table_privilege(name, "+table+", '"+privilege+"')")
	}
	var writers []string
	err := a.client.query(ctx, "read privileges", "SELECT name FROM mz_catalog.mz_roles WHERE id LIKE 'u%' AND NOT coalesce(rolsuper, false) AND name <> "+
		pgtext.QuoteLiteral(a.client.pool.Config().ConnConfig.User)+" AND ("+strings.Join(held, " OR ")+") ORDER BY name",
		func(rows pgx.Rows) error {
			var name string
			err := rows.Scan(&name)
			writers = append(writers, name)
			return err
		})
	if err == nil {
		a.writers, a.read = writers, began
	}
	return writers, err
}

// Authority implements reconcile.Authority.
func (a *Approvals) Authority(ctx context.Context) (engine.Authority, error) {
	var out engine.Authority
	var err error
	if out.Needed, out.Why, err = a.Trust(ctx); err != nil || !out.Needed {
		return out, err
	}
	if err = a.readAll(ctx, &out); isMissing(err) {
		if err = a.client.EnsureTables(ctx); err == nil {
			err = a.readAll(ctx, &out)
		}
	}
	return out, err
}

func (a *Approvals) readAll(ctx context.Context, out *engine.Authority) error {
	return side(ctx,
		func(ctx context.Context) (err error) { out.Approvals, err = a.readApprovals(ctx); return err },
		func(ctx context.Context) (err error) { out.Roles, err = a.readRoles(ctx); return err },
		func(ctx context.Context) (err error) { out.Clusters, err = a.readOwners(ctx); return err },
		func(ctx context.Context) error {
			out.Open = a.client.show(ctx, "enable_rbac_checks") == "off"
			return nil
		})
}

func (a *Approvals) readApprovals(ctx context.Context) (list []engine.Approval, err error) {
	err = a.client.query(ctx, "read approvals", "SELECT approval_id, cluster_id, strategy_type, config::text, updated_at::text, role_id, role, superuser FROM "+
		a.client.table(approvalsTable)+" ORDER BY approved_at, approval_id", func(rows pgx.Rows) error {
		var p engine.Approval
		var id, kind, config, updated *string
		if err := rows.Scan(&p.ID, &id, &kind, &config, &updated, &p.RoleID, &p.Role, &p.Superuser); err != nil {
			return err
		}
		p.ClusterID, p.StrategyRow = orEmpty(id), strategyRow(id, kind, config, updated)
		list = append(list, p)
		return nil
	})
	return list, err
}

// readRoles reads the roles, with what they are members of.
func (a *Approvals) readRoles(ctx context.Context) (list []engine.RoleInfo, err error) {
	err = a.client.query(ctx, "read roles", "SELECT id, name, rolsuper FROM mz_catalog.mz_roles", func(rows pgx.Rows) error {
		var r engine.RoleInfo
		var super *bool
		err := rows.Scan(&r.ID, &r.Name, &super)
		r.Superuser, r.Ordinary = super != nil && *super, super != nil && !*super
		list = append(list, r)
		return err
	})
	if err != nil {
		return nil, err
	}
	groups, err := a.client.memberships(ctx)
	for i := range list {
		list[i].MemberOf = reach(groups, list[i].ID)
	}
	return list, err
}

func (a *Approvals) readOwners(ctx context.Context) (list []engine.ClusterInfo, err error) {
	err = a.client.query(ctx, "read clusters", "SELECT id, name, coalesce(owner_id, '') FROM mz_catalog.mz_clusters", func(rows pgx.Rows) error {
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
	o := &observation{client: a.client, named: clusterIDs}
	if err := o.readStrategies(ctx); err != nil {
		return nil, err
	}
	return o.rows, nil
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
