package wire

import (
	"bytes"
	"encoding/binary"
)

// HeaderSize is the type byte and the length of a message.
const HeaderSize = 5

// MaxSize is the size of the longest message, type byte included.
const MaxSize = 1<<31 - 1

// FrameSize returns the size of the message that begins with header, type byte
// included.
func FrameSize(header []byte) (int, error) {
	n := binary.BigEndian.Uint32(header[1:])
	if n < 4 || n > MaxSize-1 {
		return 0, tooShort(header[0])
	}
	return int(n) + 1, nil
}

// CutString cuts a zero-terminated string off the front of body.
func CutString(body []byte) (s, rest []byte, ok bool) {
	at := bytes.IndexByte(body, 0)
	if at < 0 {
		return nil, nil, false
	}
	return body[:at], body[at+1:], true
}

// Parameter decodes the body of a ParameterStatus message.
func Parameter(body []byte) (name, value string, err error) {
	n, v, err := CutParameter(body)
	return string(n), string(v), err
}

// CutParameter is Parameter that returns parts of body.
func CutParameter(body []byte) (name, value []byte, err error) {
	name, rest, ok := CutString(body)
	if !ok {
		return nil, nil, Malformed("invalid ParameterStatus message")
	}
	value, rest, ok = CutString(rest)
	if !ok || len(rest) > 0 {
		return nil, nil, Malformed("invalid ParameterStatus message")
	}
	return name, value, nil
}

// wellFormedBind reports whether a Bind message's parameters lie within it.
func wellFormedBind(body []byte) bool {
	_, rest, ok := CutString(body)
	if !ok {
		return false
	}
	if _, rest, ok = CutString(rest); !ok || len(rest) < 2 {
		return false
	}
	formats := int(binary.BigEndian.Uint16(rest))
	if rest = rest[2:]; len(rest) < 2*formats {
		return false
	}
	return valuesWithin(rest[2*formats:], false)
}

// wellFormedRow reports whether a DataRow message's values are all of it.
func wellFormedRow(body []byte) bool { return valuesWithin(body, true) }

// valuesWithin reports whether a number of values lie within rest, each with its size in front, and are all of it.
func valuesWithin(rest []byte, all bool) bool {
	if len(rest) < 2 {
		return false
	}
	values := int(binary.BigEndian.Uint16(rest))
	for rest = rest[2:]; values > 0; values-- {
		if len(rest) < 4 {
			return false
		}
		size := int(int32(binary.BigEndian.Uint32(rest)))
		rest = rest[4:]
		if size < -1 || size > len(rest) {
			return false
		}
		rest = rest[max(size, 0):]
	}
	return !all || len(rest) == 0
}
