package wire

// Fields are those of an ErrorResponse or a NoticeResponse. See "Error and Notice Message Fields" in the PostgreSQL documentation.
type Fields struct {
	Severity            string
	SeverityUnlocalized string
	Code                string // SQLSTATE
	Message             string
	Detail              string
	Hint                string
	Position            int32 // in characters from 1; 0: none
	InternalPosition    int32
	InternalQuery       string
	Where               string
	SchemaName          string
	TableName           string
	ColumnName          string
	DataTypeName        string
	ConstraintName      string
	File                string
	Line                int32
	Routine             string

	UnknownFields map[byte]string
}

// asNotice fills in a notice's defaults.
func (f Fields) asNotice() Fields {
	if f.Severity == "" {
		f.Severity = "NOTICE"
	}
	if f.SeverityUnlocalized == "" {
		f.SeverityUnlocalized = f.Severity
	}
	if f.Code == "" {
		f.Code = CodeSuccess
		if f.Severity == "WARNING" {
			f.Code = CodeWarning
		}
	}
	return f
}
