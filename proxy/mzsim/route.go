package mzsim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// catalogServer is the cluster that answers queries on the catalog.
const (
	catalogServer   = "mz_catalog_server"
	catalogServerID = "s2"
)

// readyPoll is how often a statement that waits for a replica looks again.
const readyPoll = 20 * time.Millisecond

// momentary are the functions that are worked out when a statement begins: a query that calls no others is a constant,
// and an INSERT of one of them is none.
var momentary = wordSet(`now mz_now current_timestamp localtimestamp current_user session_user user current_role current_database current_catalog
	current_date current_time localtime version mz_version mz_version_num mz_environment_id mz_session_id mz_is_superuser mz_uptime pg_backend_pid
	pg_postmaster_start_time mz_role_oid_memberships viewable_variables`)

// scope is what a statement's relations are.
type scope struct {
	users         []string // full names of relations of users
	ids           []string // their ids
	sealed        []string // names of those that are not writable tables, system relations among them
	system        bool     // there are relations of the system
	introspection bool     // there are per-replica logs
	computes      bool     // a function is called, or an operator or a cast is applied
	indexed       []string // the clusters that have an index on the relation of a user, where there is one
}

// constant tells whether the statement depends on nothing.
func (s scope) constant() bool { return len(s.users) == 0 && !s.system && !s.introspection }

// routable tells whether the catalog server answers: queries of its relations, and constants that need no work.
func (s scope) routable() bool {
	return len(s.users) == 0 && !s.introspection && (s.system || !s.computes)
}

// router answers questions about the catalog, as it is committed.
type router struct{ pool *pgxpool.Pool }

func (r router) scope(ctx context.Context, u rewrite.Usage, path string) (scope, error) {
	var s scope
	s.computes = u.Computes || slices.ContainsFunc(u.Functions, func(f string) bool { return !momentary[f] })
	if len(u.Relations) == 0 {
		return s, nil
	}
	names := make([]string, len(u.Relations))
	for i, rel := range u.Relations {
		names[i] = quoteRelation(rel)
	}
	rows, err := r.pool.Query(ctx, "SELECT name, kind, coalesce(id, ''), writable, indexed FROM mz_sim.scope($1, $2)", names, path)
	if err != nil {
		return s, fmt.Errorf("look up relations: %w", err)
	}
	var name, kind, id string
	var writable bool
	var indexed []string
	_, err = pgx.ForEachRow(rows, []any{&name, &kind, &id, &writable, &indexed}, func() error {
		if !writable {
			s.sealed = append(s.sealed, name)
		}
		switch kind {
		case "system":
			s.system = true
		case "introspection":
			s.introspection = true
		default:
			s.users = append(s.users, name)
			s.ids = append(s.ids, id)
			s.indexed = indexed
		}
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("look up relations: %w", err)
	}
	return s, nil
}

func quoteRelation(r rewrite.Relation) string {
	if r.Schema == "" {
		return pgtext.QuoteIdent(r.Name)
	}
	return pgtext.QuoteIdent(r.Schema) + "." + pgtext.QuoteIdent(r.Name)
}

// readiness is what can be said about a cluster that is to serve a read.
type readiness struct {
	state     string // see mz_sim.readiness
	clusterID string
	refusal   *proxy.Error // nil: it can serve the read, now or later
}

// asleep tells whether the cluster is there and has no replicas.
func (r readiness) asleep() bool { return r.state == "empty" }

// readiness looks at the session's cluster.
func (r router) readiness(ctx context.Context, role string, v variables, s scope) (readiness, error) {
	cluster, replica := v.get("cluster"), v.get("cluster_replica")
	var now readiness
	var managed bool
	var replicas int
	err := r.pool.QueryRow(ctx, "SELECT state, coalesce(cluster_id, ''), coalesce(managed, false), replicas FROM mz_sim.readiness($1, $2, $3, $4)",
		role, cluster, replica, s.ids).Scan(&now.state, &now.clusterID, &managed, &replicas)
	if err != nil {
		return readiness{}, fmt.Errorf("look at cluster: %w", err)
	}
	now.refusal = stateError(now.state, role, cluster, replica, managed)
	if now.refusal == nil && s.introspection && replica == "" && replicas > 1 {
		now.refusal = &proxy.Error{Code: "0A000", Message: "log source reads must target a replica",
			Hint: "Use `SET cluster_replica = <replica-name>` to target a specific replica in the active cluster."}
	}
	return now, nil
}

// await returns as soon as the session's cluster can serve a read, and tells which replicas have come online meanwhile. A read that
// waits outlives the replica that it waits for.
func (r router) await(ctx context.Context, role string, v variables, s scope) ([]*proxy.Notice, error) {
	var began time.Time
	if err := r.pool.QueryRow(ctx, "SELECT now()").Scan(&began); err != nil {
		return nil, fmt.Errorf("look at the clock: %w", err)
	}
	for {
		now, err := r.readiness(ctx, role, v, s)
		switch {
		case ctx.Err() != nil:
			return nil, errCancelled
		case err != nil:
			return nil, err
		case now.state == "ready":
			return r.cameOnline(ctx, now.clusterID, began)
		case now.refusal != nil && !now.asleep():
			return nil, now.refusal
		}
		if err := delay(ctx, readyPoll); err != nil {
			return nil, err
		}
	}
}

// cameOnline tells of the replicas of a cluster that have come online since a moment.
func (r router) cameOnline(ctx context.Context, cluster string, since time.Time) ([]*proxy.Notice, error) {
	rows, err := r.pool.Query(ctx, `SELECT format('cluster replica %s.%s changed status to "online" at %s', c.name, r.name, s.online_at)
		FROM mz_sim.replica_states s JOIN mz_sim.replicas r ON r.id = s.replica_id JOIN mz_sim.clusters c ON c.id = r.cluster_id
		WHERE c.id = $1 AND s.online AND s.online_at > $2 ORDER BY s.online_at`, cluster, since)
	if err != nil {
		return nil, fmt.Errorf("look at replicas: %w", err)
	}
	var notices []*proxy.Notice
	var text string
	_, err = pgx.ForEachRow(rows, []any{&text}, func() error {
		notices = append(notices, notice("00000", text))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look at replicas: %w", err)
	}
	return notices, nil
}

// stateError is the error of a cluster that cannot serve a read.
func stateError(state, role, cluster, replica string, managed bool) *proxy.Error {
	switch state {
	case "denied":
		return &proxy.Error{Code: "42501", Message: fmt.Sprintf("permission denied for CLUSTER \"%s\"", cluster),
			Detail: fmt.Sprintf("The '%s' role needs USAGE privileges on CLUSTER \"%s\"", role, cluster)}
	case "unknown":
		return &proxy.Error{Code: "XX000", Message: fmt.Sprintf("unknown cluster '%s'", cluster)}
	case "replica":
		return &proxy.Error{Code: "42704", Message: fmt.Sprintf("cluster replica '%s.%s' does not exist", cluster, replica)}
	case "empty":
		hint := "Use CREATE CLUSTER REPLICA to attach cluster replicas to the cluster"
		if managed {
			hint = "Use ALTER CLUSTER to adjust the replication factor of the cluster. Example:`ALTER CLUSTER <cluster-name> SET (REPLICATION FACTOR 1)`"
		}
		return &proxy.Error{Code: "0A000", Message: fmt.Sprintf("CLUSTER \"%s\" has no replicas available to service request", cluster), Hint: hint}
	}
	return nil
}

// clusterExists tells whether there is a cluster of that name.
func (r router) clusterExists(ctx context.Context, name string) (bool, error) {
	var exists bool
	err := r.pool.QueryRow(ctx, "SELECT EXISTS (SELECT FROM mz_sim.clusters WHERE name = $1)", name).Scan(&exists)
	if err != nil {
		return false, fmt.Errorf("look up cluster: %w", err)
	}
	return exists, nil
}

// readCost is what the knob of that name says.
func (r router) readCost(ctx context.Context) (time.Duration, error) {
	var cost time.Duration
	if err := r.pool.QueryRow(ctx, "SELECT mz_sim.knob('read_cost')::interval").Scan(&cost); err != nil {
		return 0, fmt.Errorf("look up what a read costs: %w", err)
	}
	return cost, nil
}

// knobSchema is where the knobs are. Statements that use it are not refused, so that there is a way out.
const knobSchema = "mz_sim."

// refusal is the error that mz_sim.refuse has asked for, if it has for this statement.
func (r router) refusal(ctx context.Context, shown string) error {
	if strings.Contains(shown, knobSchema) {
		return nil
	}
	var e proxy.Error
	err := r.pool.QueryRow(ctx, "SELECT message, code FROM mz_sim.take_refusal($1)", shown).Scan(&e.Message, &e.Code)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("look up refusals: %w", err)
	}
	return &e
}

// place is where a read runs; nothing: nowhere.
type place struct {
	clusterID, clusterName string
	waiting                bool // the cluster cannot serve it yet
}

// route applies the rules of routing to a read, or to the read half of a write.
func (r router) route(ctx context.Context, role string, s *state, st *statement, sc scope) (place, error) {
	onCatalog := s.vars.get("cluster") == catalogServer
	if !s.read {
		s.read = true
		s.catalog = sc.routable() && st.kind != kindReadWrite && s.vars.get("auto_route_catalog_queries") != "off" && s.vars.get("cluster_replica") == ""
	}
	switch {
	case len(sc.users) > 0 && (onCatalog || s.catalog):
		quoted := make([]string, len(sc.users))
		for i, name := range sc.users {
			quoted[i] = `"` + name + `"`
		}
		return place{}, described{&proxy.Error{Code: "2F003",
			Message: fmt.Sprintf("querying the following items %s is not allowed from the \"%s\" cluster", strings.Join(quoted, ", "), catalogServer),
			Detail:  catalogDetail}}
	case s.catalog:
		return place{clusterID: catalogServerID, clusterName: catalogServer}, nil
	}
	return r.onCluster(ctx, role, s.vars, sc)
}

// onCluster is the place of a statement that the session's cluster has to serve.
func (r router) onCluster(ctx context.Context, role string, v variables, sc scope) (place, error) {
	now, err := r.readiness(ctx, role, v, sc)
	if err != nil {
		return place{}, err
	}
	p := place{now.clusterID, v.get("cluster"), now.state != "ready"}
	if now.refusal != nil {
		return p, described{now.refusal}
	}
	return p, nil
}

// described is a refusal that comes behind the description of the rows, because it comes when the statement is executed.
type described struct{ cause *proxy.Error }

func (d described) Error() string { return d.cause.Error() }
func (d described) Unwrap() error { return d.cause }
