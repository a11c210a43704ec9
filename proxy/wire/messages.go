package wire

import "github.com/jackc/pgproto3/v2"

// Message is what can be appended to what is sent.
type Message interface {
	Encode(dst []byte) ([]byte, error)
}

// Messages that are made or read. No other file knows the library that they are of.
type (
	AuthenticationSASL   = pgproto3.AuthenticationSASL
	Bind                 = pgproto3.Bind
	BindComplete         = pgproto3.BindComplete
	Close                = pgproto3.Close
	CloseComplete        = pgproto3.CloseComplete
	CommandComplete      = pgproto3.CommandComplete
	CopyData             = pgproto3.CopyData
	CopyDone             = pgproto3.CopyDone
	CopyOutResponse      = pgproto3.CopyOutResponse
	Describe             = pgproto3.Describe
	Execute              = pgproto3.Execute
	FieldDescription     = pgproto3.FieldDescription
	Flush                = pgproto3.Flush
	NoData               = pgproto3.NoData
	ParameterDescription = pgproto3.ParameterDescription
	ParameterStatus      = pgproto3.ParameterStatus
	Parse                = pgproto3.Parse
	ParseComplete        = pgproto3.ParseComplete
	PortalSuspended      = pgproto3.PortalSuspended
	Query                = pgproto3.Query
	ReadyForQuery        = pgproto3.ReadyForQuery
	RowDescription       = pgproto3.RowDescription
	Sync                 = pgproto3.Sync
)

// Append appends a message of ours. Encoding fails only beyond the
// protocol's size of a message, which nothing of ours comes near.
func Append(dst []byte, m Message) []byte {
	encoded, err := m.Encode(dst)
	if err != nil {
		panic(err)
	}
	return encoded
}

// DecodeParse decodes the body of a Parse message.
func DecodeParse(body []byte) (*Parse, bool) {
	m := &Parse{}
	return m, m.Decode(body) == nil
}

// DecodeBind decodes the body of a Bind message. The values are parts of body.
func DecodeBind(body []byte) (*Bind, bool) {
	if !wellFormedBind(body) { // the library trusts the sizes of values
		return nil, false
	}
	m := &Bind{}
	return m, m.Decode(body) == nil
}

// DecodeRow decodes the body of a DataRow message; nil is NULL. The values are parts of body.
func DecodeRow(body []byte) ([][]byte, bool) {
	if !wellFormedRow(body) {
		return nil, false
	}
	m := &pgproto3.DataRow{}
	err := m.Decode(body)
	return m.Values, err == nil
}

// DecodeFields decodes the body of an ErrorResponse or NoticeResponse.
func DecodeFields(body []byte) (*Fields, error) {
	m := &pgproto3.ErrorResponse{}
	if err := m.Decode(body); err != nil {
		return nil, Malformed("invalid ErrorResponse message")
	}
	f := Fields(*m)
	return &f, nil
}

// AppendError appends an ErrorResponse.
func AppendError(dst []byte, f *Fields) []byte {
	m := pgproto3.ErrorResponse(*f)
	return Append(dst, &m)
}

// AppendNotice appends a NoticeResponse; severity and code have defaults.
func AppendNotice(dst []byte, f *Fields) []byte {
	m := pgproto3.NoticeResponse(f.asNotice())
	return Append(dst, &m)
}
