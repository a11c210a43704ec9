package engine

// TypeInfo describes a strategy type for SHOW STRATEGY TYPES and for validation; both read the same table.
type TypeInfo struct {
	Name         string
	Experimental bool
	Summary      string
	Priority     int
	Parameters   []ParameterInfo
}

// ParameterInfo describes one key of a config.
type ParameterInfo struct {
	Name     string
	Type     string // "size", "string", "number", "integer", "bool", "timestamp"
	Unit     string // "seconds", ...
	Default  string // as shown to people; empty: required or none
	Required bool
	Meaning  string
}

// ConfigProblem is a fault in a config that is about to be written.
type ConfigProblem struct {
	Code    ConfigCode
	Key     string // the key concerned; empty: the config as a whole
	OnValue bool   // the value of Key is wrong (not the key itself)
	Message string // PostgreSQL style primary message, e.g. `invalid value for parameter "idle_after_s": "1h"`
	Detail  string
	Hint    string
}

// ConfigCode is the kind of a ConfigProblem; the SQL surface maps it to SQLSTATEs.
type ConfigCode string

const (
	NotJSON              ConfigCode = "not_json"
	InvalidValue         ConfigCode = "invalid_value"
	UnknownParameter     ConfigCode = "unknown_parameter"
	MissingParameter     ConfigCode = "missing_parameter"
	UnknownSize          ConfigCode = "unknown_size"
	UnknownStrategy      ConfigCode = "unknown_strategy"
	ExperimentalDisabled ConfigCode = "experimental_disabled"
)
