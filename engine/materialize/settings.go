package materialize

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"mzproxy/engine"
)

// settings are what the server is set to, as far as something depends on it.
type settings struct {
	allowed    []string // sizes that replicas may be created with; none: all
	limits     engine.Limits
	loggingOff string // why statement history does not tell all; empty: it does
	open       bool   // privileges are not checked
	super      bool   // the controller is a superuser
	version    version
	database   string // of the controller's sessions
}

// The settings, as SHOW names them.
const (
	allowedSizes    = "allowed_cluster_replica_sizes"
	maxReplicas     = "max_replicas_per_cluster"
	maxCredits      = "max_credit_consumption_rate"
	maxLoggingRate  = "statement_logging_max_sample_rate"
	defaultLogging  = "statement_logging_default_sample_rate"
	rbacChecks      = "enable_rbac_checks"
	isSuperuser     = "is_superuser"
	currentDatabase = "database"
	serverVersion   = "mz_version"
)

// readSettings reads the settings in one statement, and one by one those that are not in its answer.
func (c *Client) readSettings(ctx context.Context) (settings, error) {
	values := map[string]string{}
	err := c.query(ctx, "read settings", "SHOW ALL", func(rows pgx.Rows) error {
		var name string
		var value, description *string
		err := rows.Scan(&name, &value, &description)
		values[name] = orEmpty(value)
		return err
	})
	if err != nil {
		return settings{}, err
	}
	for _, name := range []string{allowedSizes, maxReplicas, maxCredits, maxLoggingRate, defaultLogging, rbacChecks, isSuperuser, currentDatabase, serverVersion} {
		if _, ok := values[name]; ok {
			continue
		}
		var value string
		err := c.pool.QueryRow(ctx, "SHOW "+name).Scan(&value)
		if err != nil && !refusedWith(err, "42704") { // an older server may not have it
			return settings{}, wrapped("read "+name, err)
		}
		values[name] = value
	}
	s := settings{allowed: identifiers(values[allowedSizes]), loggingOff: loggingOff(values[maxLoggingRate], values[defaultLogging]),
		open: values[rbacChecks] == "off", super: values[isSuperuser] == "on", database: values[currentDatabase], version: parseVersion(values[serverVersion])}
	s.limits.MaxReplicasPerCluster, _ = strconv.ParseInt(values[maxReplicas], 10, 64)
	s.limits.MaxCreditConsumptionRate, _ = strconv.ParseFloat(values[maxCredits], 64)
	return s, nil
}

// loadSettings reads the settings anew.
func (w *world) loadSettings(ctx context.Context) error {
	s, err := w.client.readSettings(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settings = s
	return nil
}

// The sample rate from which on the history counts as complete: the default of
// a server that logs is 0.99, so that a hundred statements leave a trace with near certainty.
const completeRate = 0.99

// loggingOff judges the two rates of statement logging: the smaller one counts
// (Materialize documentation, "Query History").
func loggingOff(maxRate, defaultRate string) string {
	top, err := strconv.ParseFloat(maxRate, 64)
	if err != nil {
		return "the server does not say whether it logs statements"
	}
	rate, err := strconv.ParseFloat(defaultRate, 64)
	if err != nil {
		rate = top
	}
	switch rate = min(rate, top); {
	case rate <= 0:
		return "statement logging is off"
	case rate < completeRate:
		return "statement logging is sampled at " + strconv.FormatFloat(rate, 'g', 3, 64)
	}
	return ""
}

// logging says why statement history does not tell all, by the settings that were read last.
func (w *world) logging() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.settings.loggingOff
}

// sizes are those that replicas may be created with, and those that are withheld.
func (v *view) sizes() (sizes, withheld []engine.Size) {
	for _, s := range v.Sizes {
		if len(v.allowed) == 0 || slices.Contains(v.allowed, s.Name) {
			sizes = append(sizes, s)
		} else {
			withheld = append(withheld, s)
		}
	}
	if len(sizes) == 0 {
		return withheld, nil
	}
	return sizes, withheld
}

// identifiers reads a list of identifiers that are separated by commas, quoted or not.
func identifiers(list string) []string {
	var names []string
	for rest := strings.TrimSpace(list); rest != ""; {
		var name string
		if strings.HasPrefix(rest, `"`) {
			end := 1
			for end < len(rest) && (rest[end] != '"' || strings.HasPrefix(rest[end:], `""`)) {
				if rest[end] == '"' {
					end++
				}
				end++
			}
			name = strings.ReplaceAll(rest[1:min(end, len(rest))], `""`, `"`)
			_, rest, _ = strings.Cut(rest[min(end, len(rest)):], ",")
		} else {
			name, rest, _ = strings.Cut(rest, ",")
			name = strings.TrimSpace(name)
		}
		if name != "" {
			names = append(names, name)
		}
		rest = strings.TrimSpace(rest)
	}
	return names
}

// serverTime is what the server's clock shows now, as far as it is known: it may be a second behind.
func (c *Client) serverTime(ctx context.Context) time.Time {
	if !c.clock.known() {
		_, _ = c.world.seeFrom(ctx, 0) // otherwise it is this machine's clock
	}
	return c.clock.there(time.Now()).UTC()
}
