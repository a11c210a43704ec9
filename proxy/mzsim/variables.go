package mzsim

import (
	"maps"

	"mzproxy/rewrite/pgtext"
)

// variableDefaults are the session variables that Materialize has and
// PostgreSQL has not, or not with these values. PostgreSQL keeps them under
// mz_sim.<name>, so that its own rules on SET LOCAL, rollback, RESET and ALTER ROLE hold.
var variableDefaults = sessionDefaults()

// searchPath is PostgreSQL's own variable, but we have to know it.
const searchPath = "search_path"

// reportedVariables are those that Materialize reports by ParameterStatus and PostgreSQL does not.
var reportedVariables = []string{"cluster", "cluster_replica", "default_cluster_replication_factor", "database", searchPath, "mz_version"}

// relayedParameters are those that both report, in Materialize's order. Those above follow.
var relayedParameters = []string{"application_name", "client_encoding", "DateStyle", "integer_datetimes", "server_version",
	"standard_conforming_strings", "TimeZone", "IntervalStyle"}

// customSetting is the name that PostgreSQL keeps a variable under.
func customSetting(name string) string { return "mz_sim." + name }

// variables are the session variables of one session: what a transaction has
// set is undone by a rollback, and what it has set LOCAL by its end. The maps are never changed, only replaced, so
// that a copy of the struct is a copy of the whole.
type variables struct {
	defaults, committed, staged, local map[string]string
}

func newVariables(defaults map[string]string) variables {
	return variables{defaults: defaults, committed: defaults, staged: defaults}
}

func (v variables) get(name string) string {
	if value, ok := v.local[name]; ok {
		return value
	}
	return v.staged[name]
}

func with(m map[string]string, name, value string) map[string]string {
	c := maps.Clone(m)
	if c == nil {
		c = map[string]string{}
	}
	c[name] = value
	return c
}

func (v *variables) set(name, value string, local bool) {
	if local {
		v.local = with(v.local, name, value)
		return
	}
	v.staged = with(v.staged, name, value)
	if _, shadowed := v.local[name]; shadowed {
		v.local = with(v.local, name, value)
	}
}

// reset returns to what the session began with.
func (v *variables) reset(name string) { v.set(name, v.defaults[name], false) }

func (v *variables) resetAll() { v.staged, v.local = v.defaults, nil }

func (v *variables) end(commit bool) {
	v.local = nil
	if commit {
		v.committed = v.staged
	} else {
		v.staged = v.committed
	}
}

// assignment is what a SET or RESET statement says.
type assignment struct {
	name  string
	value string
	local bool
	reset bool // to the default; with no name: all
}

func (v *variables) apply(a *assignment) {
	switch {
	case a.reset && a.name == "":
		v.resetAll()
	case a.reset:
		v.reset(a.name)
	default:
		v.set(a.name, a.value, a.local)
	}
}

// startupSettings reads the settings of a StartupMessage's options.
func startupSettings(options string) map[string]string {
	settings := map[string]string{}
	for _, o := range pgtext.Options(options) {
		if o.Name != "" {
			settings[o.Name] = o.Value
		}
	}
	return settings
}
