package pgtest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A Message is one message of the wire protocol with a type byte.
type Message struct {
	Type byte
	Body []byte
}

// Append appends the message as it goes on the wire.
func (m Message) Append(dst []byte) []byte {
	dst = append(dst, m.Type)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(m.Body)+4))
	return append(dst, m.Body...)
}

// maxBody bounds what ReadMessage believes of a length.
const maxBody = 64 << 20

// ReadMessage reads one message.
func ReadMessage(r io.Reader) (Message, error) {
	var head [5]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return Message{}, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > maxBody {
		return Message{}, fmt.Errorf("message %q of %d bytes", head[0], size)
	}
	m := Message{head[0], make([]byte, size-4)}
	_, err := io.ReadFull(r, m.Body)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return m, err
}

// A layout says how a message is written as text. Its fields: s a string, b one
// character, 4 an int32, o a list of int32, f a list of int16, v a list of values,
// r the rest as a string, T columns, E fields of an error.
type layout struct {
	name   string
	typ    byte
	fields string
}

// Messages of the client, and of the server. See "Message Formats" in the
// PostgreSQL documentation.
var (
	clientMessages = []layout{
		{"Query", 'Q', "s"}, {"Parse", 'P', "sso"}, {"Bind", 'B', "ssfvf"}, {"Describe", 'D', "bs"},
		{"Execute", 'E', "s4"}, {"Close", 'C', "bs"}, {"Sync", 'S', ""}, {"Flush", 'H', ""},
		{"CopyData", 'd', "r"}, {"CopyDone", 'c', ""}, {"CopyFail", 'f', "s"}, {"FunctionCall", 'F', "r"},
		{"Terminate", 'X', ""}, {"Password", 'p', "r"},
	}
	serverMessages = []layout{
		{"Authentication", 'R', "4r"}, {"ParameterStatus", 'S', "ss"}, {"BackendKeyData", 'K', "r"},
		{"ReadyForQuery", 'Z', "b"}, {"RowDescription", 'T', "T"}, {"DataRow", 'D', "v"},
		{"CommandComplete", 'C', "s"}, {"ErrorResponse", 'E', "E"}, {"NoticeResponse", 'N', "E"},
		{"EmptyQueryResponse", 'I', ""}, {"ParseComplete", '1', ""}, {"BindComplete", '2', ""},
		{"CloseComplete", '3', ""}, {"NoData", 'n', ""}, {"PortalSuspended", 's', ""},
		{"ParameterDescription", 't', "o"}, {"CopyInResponse", 'G', "kf"}, {"CopyOutResponse", 'H', "kf"},
		{"CopyBothResponse", 'W', "kf"}, {"NotificationResponse", 'A', "4ss"}, {"FunctionCallResponse", 'V', "r"},
		{"NegotiateProtocolVersion", 'v', "r"}, {"CopyData", 'd', "r"}, {"CopyDone", 'c', ""},
	}
)

// A Side is the end of a conversation that a message comes from.
type Side string

// The two ends.
const (
	FromClient Side = "client"
	FromServer Side = "server"
)

func (s Side) layouts() []layout {
	if s == FromClient {
		return clientMessages
	}
	return serverMessages
}
