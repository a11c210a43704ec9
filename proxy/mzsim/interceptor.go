package mzsim

import (
	"context"
	"fmt"
	"maps"
	"net"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"mzproxy/proxy"
	"mzproxy/rewrite/pgtext"
)

// interceptor gives every client session a handler that makes PostgreSQL
// behave as Materialize does.
type interceptor struct {
	router
	watcher    *watcher
	history    *history
	controller *controller
	turns      turns
	latency    time.Duration // of every answer
	welcome    bool
	guarded    bool // roles need a password
}

var (
	_ proxy.Interceptor       = (*interceptor)(nil)
	_ proxy.StartupRewriter   = (*interceptor)(nil)
	_ proxy.ParameterRewriter = (*interceptor)(nil)
)

// RewriteParameter keeps the parameters of the start back: session.Greet reports them.
func (i *interceptor) RewriteParameter(string, string) (string, bool) { return "", false }

func newInterceptor(pool *pgxpool.Pool, w *watcher, h *history, c *controller) *interceptor {
	return &interceptor{router: router{pool: pool}, watcher: w, history: h, controller: c, turns: make(turns, 1)}
}

// clientSettings are the variables that a StartupMessage sets, in its own
// parameters and in its options.
func clientSettings(params map[string]string) map[string]string {
	settings := startupSettings(params["options"])
	for name, value := range params {
		if name != "user" && name != "options" && name != "database" && !strings.HasPrefix(name, "_pq_.") {
			settings[strings.ToLower(name)] = value
		}
	}
	return settings
}

// RewriteStartup leads every client to the one database there is, and keeps
// settings that PostgreSQL would refuse from it: in Materialize a bad setting is not fatal.
func (i *interceptor) RewriteStartup(params map[string]string) map[string]string {
	i.createRole(params["user"])
	rewritten := map[string]string{"user": params["user"], "database": database}
	if isReserved(params["user"]) {
		rewritten["user"] = userRole // for the server, which may not know the name: Open refuses it
	}
	if !i.welcome {
		rewritten[customSetting("welcome_message")] = "off"
	}
	if params["database"] != "" {
		rewritten[customSetting("database")] = params["database"]
	}
	for name, value := range clientSettings(params) {
		if _, ours := variableDefaults[name]; ours {
			rewritten[customSetting(name)] = value
		} else if name == "schema" {
			rewritten[searchPath] = pgtext.QuoteIdent(value)
		} else if kindOf(name) == postgresVariable {
			rewritten[name] = value
		}
	}
	return rewritten
}

// roleTimeout bounds the creation of a role.
const roleTimeout = 5 * time.Second

// createRole creates a role that logs in for the first time, where nobody needs a password. What goes wrong is PostgreSQL's to say: it
// does not let the role in then.
func (i *interceptor) createRole(name string) {
	if i.guarded || isReserved(name) {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), roleTimeout)
	defer cancel()
	_, _ = i.pool.Exec(ctx, "CALL mz_sim.create_role($1)", name)
}

// isReserved tells whether a name is one that only the system may have.
func isReserved(name string) bool {
	return strings.HasPrefix(name, "mz_") || strings.HasPrefix(name, "pg_")
}

// Open refuses the roles of the system, and finds out with which variables
// the session begins.
func (i *interceptor) Open(ctx context.Context, s *proxy.Session) (proxy.Handler, error) {
	info := s.Info()
	if isReserved(info.User) {
		return nil, &proxy.Error{Severity: "FATAL", Code: "42501", Message: fmt.Sprintf("unauthorized login to user '%s'", info.User)}
	}
	h := &session{interceptor: i, proxied: s, info: info, id: uuid.New(),
		prepared: map[string]*statement{}, cursors: map[string]*cursor{}, reported: map[string]string{}}
	defaults, err := i.sessionDefaults(ctx, info.User)
	if err != nil {
		return nil, err
	}
	roleCluster := defaults["cluster"]
	h.greetStartup(info.Startup, defaults)
	h.state.vars = newVariables(defaults)
	h.expected = h.state
	if defaults["cluster"] != "" {
		exists, err := i.clusterExists(ctx, defaults["cluster"])
		if err != nil {
			return nil, err
		}
		if !exists {
			kind := "session"
			if roleCluster == defaults["cluster"] {
				kind = "role"
			}
			h.notices = append(h.notices, notice("MZ005", fmt.Sprintf("%s default cluster \"%s\" does not exist", kind, defaults["cluster"])))
		}
	}
	if defaults["welcome_message"] != "off" {
		h.notices = append(h.notices, h.welcomeNotice())
	}
	if err := h.register(ctx); err != nil {
		return nil, err
	}
	return h, nil
}

// welcomeNotice is what clients are greeted with.
func (h *session) welcomeNotice() *proxy.Notice {
	v := h.state.vars
	return notice("00000", fmt.Sprintf("connected to Materialize %s\n  User: %s\n  Cluster: %s\n  Database: %s\n  Schema: %s\n  Session UUID: %s",
		v.get("mz_version"), h.info.User, v.get("cluster"), v.get("database"), v.get(searchPath), h.id))
}

// sessionDefaults are the variables that a session of the role begins with.
func (i *interceptor) sessionDefaults(ctx context.Context, role string) (map[string]string, error) {
	defaults := maps.Clone(variableDefaults)
	defaults[searchPath] = "public"
	if !i.welcome {
		defaults["welcome_message"] = "off"
	}
	rows, err := i.pool.Query(ctx, `SELECT replace(split_part(c, '=', 1), 'mz_sim.', ''), substr(c, strpos(c, '=') + 1)
		FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) c
		JOIN pg_roles r ON r.oid = s.setrole WHERE r.rolname = $1
		UNION ALL SELECT 'mz_version', mz_version()`, role)
	if err != nil {
		return nil, fmt.Errorf("read settings of role: %w", err)
	}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error {
		defaults[name] = value
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read settings of role: %w", err)
	}
	return defaults, nil
}

// register makes the session visible in mz_sessions.
func (h *session) register(ctx context.Context) error {
	client := ""
	if h.info.ClientAddr != nil {
		var err error
		if client, _, err = net.SplitHostPort(h.info.ClientAddr.String()); err != nil {
			client = h.info.ClientAddr.String()
		}
	}
	_, err := h.pool.Exec(ctx, "INSERT INTO mz_sim.sessions VALUES ($1, $2, $3, $4, now())", h.id, int64(h.info.BackendPID), h.info.User, client)
	if err != nil {
		return fmt.Errorf("register session: %w", err)
	}
	return nil
}

// greetStartup takes the settings of the StartupMessage into the defaults, and notes those that are not known.
func (h *session) greetStartup(params, defaults map[string]string) {
	for name, value := range clientSettings(params) {
		if name == "schema" {
			name = searchPath
		}
		_, ours := defaults[name]
		switch {
		case ours:
			defaults[name] = value
		case name == clientEncoding && !isUTF8(value):
			h.notices = append(h.notices, notice("00000", fmt.Sprintf("startup setting %s not set: invalid value for parameter %q: %q", name, name, value)))
		case kindOf(name) == "":
			h.notices = append(h.notices, notice("00000", fmt.Sprintf("startup setting %s not set: unrecognized configuration parameter %q", name, name)))
		}
	}
	if db := params["database"]; db != "" && db != database {
		defaults["database"] = db
		h.notices = append(h.notices, notice("MZ004", fmt.Sprintf("session database \"%s\" does not exist", db)))
	}
}

func notice(code, message string) *proxy.Notice {
	return &proxy.Notice{Severity: "NOTICE", SeverityUnlocalized: "NOTICE", Code: code, Message: message}
}
