package mzsim

import (
	"fmt"
	"strings"
)

// variableKind says where the value of a variable is.
type variableKind string

const (
	sessionVariable  variableKind = "session"  // PostgreSQL keeps it under another name; see variableDefaults
	postgresVariable variableKind = "postgres" // PostgreSQL's own
	knobVariable     variableKind = "knob"     // a knob of the stand-in; the value is its name
	fixedVariable    variableKind = "fixed"
)

// variable is one of those that SHOW ALL lists.
type variable struct {
	name        string
	kind        variableKind
	value       string
	description string
}

// allVariables are those that there are. SHOW, SET and RESET know no other.
var allVariables = []variable{
	{"allowed_cluster_replica_sizes", fixedVariable, `"25cc", "50cc", "100cc", "200cc", "300cc", "400cc", "600cc", "800cc", "1200cc", "1600cc", "3200cc", "small", "medium", "large", "xlarge"`,
		"The allowed sizes when creating a new cluster replica (Materialize)."},
	{"application_name", postgresVariable, "", "Sets the application name to be reported in statistics and logs (PostgreSQL)."},
	{"auto_route_catalog_queries", sessionVariable, "on", "Whether queries of the catalog run on mz_catalog_server (Materialize)."},
	{"client_encoding", fixedVariable, "UTF8", "Sets the client's character set encoding (PostgreSQL)."},
	{"client_min_messages", postgresVariable, "", "Sets the message levels that are sent to the client (PostgreSQL)."},
	{"cluster", sessionVariable, "quickstart", "Sets the current cluster (Materialize)."},
	{"cluster_replica", sessionVariable, "", "Sets a target cluster replica for SELECT queries (Materialize)."},
	{"current_object_missing_warnings", sessionVariable, "on", "Whether to notice that the current cluster or database is missing (Materialize)."},
	{"database", sessionVariable, database, "Sets the current database (CockroachDB)."},
	{"datestyle", postgresVariable, "", "Sets the display format for date and time values (PostgreSQL)."},
	{"default_cluster_replication_factor", sessionVariable, "1", "The replication factor of a cluster that says none (Materialize)."},
	{"default_transaction_isolation", sessionVariable, "strict serializable", "Sets the isolation level of new transactions (PostgreSQL)."},
	{"emit_introspection_query_notice", sessionVariable, "on", "Whether to notice queries of per-replica introspection relations (Materialize)."},
	{"emit_plan_insights_notice", sessionVariable, "off", "Whether to notice insights of the plan (Materialize)."},
	{"emit_timestamp_notice", sessionVariable, "off", "Whether to notice the timestamp of a query (Materialize)."},
	{"emit_trace_id_notice", sessionVariable, "off", "Whether to notice the trace of a statement (Materialize)."},
	{"enable_rbac_checks", knobVariable, "rbac", "Whether privileges are checked (Materialize)."},
	{"enable_session_rbac_checks", sessionVariable, "off", "Whether privileges are checked in this session (Materialize)."},
	{"extra_float_digits", postgresVariable, "", "Adjusts the number of digits displayed for floating-point values (PostgreSQL)."},
	{"failpoints", fixedVariable, "", "Allows failpoints to be dynamically activated (Materialize)."},
	{"idle_in_transaction_session_timeout", postgresVariable, "", "Sets the longest time that a session may be idle in a transaction (PostgreSQL)."},
	{"integer_datetimes", postgresVariable, "", "Reports whether the server uses 64-bit-integer dates and times (PostgreSQL)."},
	{"intervalstyle", postgresVariable, "", "Sets the display format for interval values (PostgreSQL)."},
	{"is_superuser", postgresVariable, "", "Reports whether the current session is a superuser (PostgreSQL)."},
	{"max_clusters", knobVariable, "max_clusters", "The maximum number of clusters in the region (Materialize)."},
	{"max_connections", fixedVariable, "5000", "The maximum number of concurrent connections (PostgreSQL)."},
	{"max_credit_consumption_rate", knobVariable, "max_credit_consumption_rate", "The maximum rate of credit consumption in the region (Materialize)."},
	{"max_databases", fixedVariable, "1000", "The maximum number of databases in the region (Materialize)."},
	{"max_identifier_length", fixedVariable, "255", "The maximum length of identifiers in bytes (PostgreSQL)."},
	{"max_materialized_views", fixedVariable, "500", "The maximum number of materialized views in the region (Materialize)."},
	{"max_objects_per_schema", fixedVariable, "1000", "The maximum number of objects in a schema (Materialize)."},
	{"max_query_result_size", sessionVariable, "1GB", "The maximum size of the result of a query (Materialize)."},
	{"max_replicas_per_cluster", knobVariable, "max_replicas_per_cluster", "The maximum number of replicas of a cluster (Materialize)."},
	{"max_result_size", fixedVariable, "1GB", "The maximum size of a result (Materialize)."},
	{"max_roles", fixedVariable, "1000", "The maximum number of roles in the region (Materialize)."},
	{"max_schemas_per_database", fixedVariable, "1000", "The maximum number of schemas in a database (Materialize)."},
	{"max_secrets", fixedVariable, "100", "The maximum number of secrets in the region (Materialize)."},
	{"max_sinks", fixedVariable, "1000", "The maximum number of sinks in the region (Materialize)."},
	{"max_sources", fixedVariable, "200", "The maximum number of sources in the region (Materialize)."},
	{"max_tables", fixedVariable, "200", "The maximum number of tables in the region (Materialize)."},
	{"mz_version", knobVariable, "materialize_version", "Shows the version of the server (Materialize)."},
	{"real_time_recency", sessionVariable, "off", "Whether reads see what sources had when they began (Materialize)."},
	{"real_time_recency_timeout", sessionVariable, "10 s", "Sets the longest time that such a read may wait (Materialize)."},
	{searchPath, postgresVariable, "", "Sets the schema search order for names that are not qualified (PostgreSQL)."},
	{"server_version", fixedVariable, serverVersion, "Shows the version of PostgreSQL that is compatible (PostgreSQL)."},
	{"server_version_num", fixedVariable, "90500", "Shows that version as an integer (PostgreSQL)."},
	{"sql_safe_updates", fixedVariable, "off", "Prohibits SQL statements that may be overly destructive (CockroachDB)."},
	{"standard_conforming_strings", postgresVariable, "", "Causes '...' strings to treat backslashes literally (PostgreSQL)."},
	{"statement_logging_default_sample_rate", knobVariable, "statement_logging", "The rate at which statements are logged (Materialize)."},
	{"statement_logging_max_sample_rate", knobVariable, "statement_logging", "The highest rate at which statements may be logged (Materialize)."},
	{"statement_logging_sample_rate", sessionVariable, "1", "Sets the rate at which statements of this session are logged (Materialize)."},
	{"statement_timeout", postgresVariable, "", "Sets the longest time that a statement may take (PostgreSQL)."},
	{"superuser_reserved_connections", fixedVariable, "3", "The number of connections that are reserved for superusers (PostgreSQL)."},
	{"timezone", postgresVariable, "", "Sets the time zone for displaying and interpreting time stamps (PostgreSQL)."},
	{"transaction_isolation", sessionVariable, "strict serializable", "Sets the current transaction's isolation level (PostgreSQL)."},
	{"welcome_message", sessionVariable, "on", "Whether to greet clients with a notice (Materialize)."},
}

func sessionDefaults() map[string]string {
	defaults := map[string]string{}
	for _, v := range allVariables {
		if v.kind == sessionVariable {
			defaults[v.name] = v.value
		}
	}
	return defaults
}

// kindOf says where the value of a variable is; "" where there is no variable of that name.
func kindOf(name string) variableKind {
	for _, v := range allVariables {
		if v.name == name {
			return v.kind
		}
	}
	return ""
}

// clientEncoding is the variable that has one value.
const clientEncoding = "client_encoding"

// isUTF8 tells whether a value names the encoding that there is.
func isUTF8(encoding string) bool {
	return strings.EqualFold(encoding, "UTF8") || strings.EqualFold(encoding, "UTF-8") || strings.EqualFold(encoding, "unicode")
}

// knobOf is the knob that a system variable stands for.
func knobOf(name string) (knob string, ok bool) {
	for _, v := range allVariables {
		if v.name == name && v.kind == knobVariable {
			return v.value, true
		}
	}
	return "", false
}

// variablesScript fills the table of variables.
func variablesScript() string {
	var b strings.Builder
	for _, v := range allVariables {
		fmt.Fprintf(&b, "INSERT INTO mz_sim.variables VALUES (%s, %s, %s, %s);\n", constant(v.name), constant(string(v.kind)), constant(v.value), constant(v.description))
	}
	return b.String()
}
