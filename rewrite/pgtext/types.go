package pgtext

// OIDs of types: those of pg_type.dat.
const (
	TypeBool        = 16
	TypeName        = 19
	TypeInt8        = 20
	TypeInt2        = 21
	TypeInt4        = 23
	TypeText        = 25
	TypeOID         = 26
	TypeJSON        = 114
	TypeFloat8      = 701
	TypeUnknown     = 705
	TypeVarchar     = 1043
	TypeTimestamptz = 1184
	TypeInterval    = 1186
	TypeNumeric     = 1700
	TypeJSONB       = 3802
)
