package wire

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
	"time"

	"mzproxy/rewrite/pgtext"
)

// TypeSize is a type's typlen: bytes, or -1 for variable length.
func TypeSize(oid uint32) int16 {
	switch oid {
	case pgtext.TypeBool:
		return 1
	case pgtext.TypeInt2:
		return 2
	case pgtext.TypeInt4, pgtext.TypeOID:
		return 4
	case pgtext.TypeInt8, pgtext.TypeFloat8, pgtext.TypeTimestamptz:
		return 8
	case pgtext.TypeInterval:
		return 16
	case pgtext.TypeName:
		return 64
	}
	return -1
}

// AppendBinary appends the binary form of a value in text form. The forms are
// those of the types' send functions in PostgreSQL.
func AppendBinary(dst []byte, oid uint32, text string) ([]byte, error) {
	switch oid {
	case 0, pgtext.TypeText, pgtext.TypeName, pgtext.TypeVarchar, pgtext.TypeJSON:
		return append(dst, text...), nil
	case pgtext.TypeJSONB:
		return append(append(dst, 1), text...), nil
	case pgtext.TypeBool:
		return appendBool(dst, text)
	case pgtext.TypeInt2, pgtext.TypeInt4, pgtext.TypeInt8:
		bits := int(TypeSize(oid)) * 8
		n, err := strconv.ParseInt(text, 10, bits)
		if err != nil {
			return dst, badValue(oid, text)
		}
		return appendInteger(dst, uint64(n), bits), nil
	case pgtext.TypeOID:
		n, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			return dst, badValue(oid, text)
		}
		return appendInteger(dst, n, 32), nil
	case pgtext.TypeFloat8:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return dst, badValue(oid, text)
		}
		bits := math.Float64bits(f)
		if math.IsNaN(f) {
			bits = 0x7ff8 << 48 // not Go's
		}
		return binary.BigEndian.AppendUint64(dst, bits), nil
	case pgtext.TypeTimestamptz:
		return appendTimestamptz(dst, text)
	case pgtext.TypeInterval:
		return appendInterval(dst, text)
	case pgtext.TypeNumeric:
		return appendNumeric(dst, text)
	}
	return dst, &Error{Code: CodeFeatureNotSupported, Message: "no binary output function available for type " + strconv.Itoa(int(oid))}
}

func badValue(oid uint32, text string) *Error {
	return &Error{Code: CodeInternalError, Message: "invalid value of type " + strconv.Itoa(int(oid)) + ": " + strconv.Quote(text)}
}

func appendInteger(dst []byte, n uint64, bits int) []byte {
	switch bits {
	case 16:
		return binary.BigEndian.AppendUint16(dst, uint16(n))
	case 32:
		return binary.BigEndian.AppendUint32(dst, uint32(n))
	}
	return binary.BigEndian.AppendUint64(dst, n)
}

func appendBool(dst []byte, text string) ([]byte, error) {
	switch text {
	case "t", "true":
		return append(dst, 1), nil
	case "f", "false":
		return append(dst, 0), nil
	}
	return dst, badValue(pgtext.TypeBool, text)
}

// postgresEpoch is what timestamps count microseconds from.
var postgresEpoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// timestampLayouts are the ISO forms of a timestamptz.
var timestampLayouts = []string{
	"2006-01-02 15:04:05.999999999Z07:00:00",
	"2006-01-02 15:04:05.999999999Z07:00",
	"2006-01-02 15:04:05.999999999Z07",
	time.RFC3339Nano,
	"2006-01-02 15:04:05.999999999 MST",
}

func appendTimestamptz(dst []byte, text string) ([]byte, error) {
	switch text {
	case "infinity":
		return appendInteger(dst, math.MaxInt64, 64), nil
	case "-infinity":
		return appendInteger(dst, 1<<63, 64), nil
	}
	for _, layout := range timestampLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			micros := t.Unix()*1e6 + int64(t.Nanosecond()/1000) - postgresEpoch.Unix()*1e6
			return appendInteger(dst, uint64(micros), 64), nil
		}
	}
	return dst, badValue(pgtext.TypeTimestamptz, text)
}

// appendInterval reads every style that pgtext does.
func appendInterval(dst []byte, text string) ([]byte, error) {
	i, ok := pgtext.ParseInterval(text)
	if !ok {
		return dst, badValue(pgtext.TypeInterval, text)
	}
	dst = appendInteger(dst, uint64(i.Micros), 64)
	dst = appendInteger(dst, uint64(i.Days), 32)
	return appendInteger(dst, uint64(i.Months), 32), nil
}

// Sign words of a numeric (numeric.c).
const (
	numericPositive = 0x0000
	numericNegative = 0x4000
	numericNaN      = 0xC000
	numericInf      = 0xD000
	numericNegInf   = 0xF000
)

// Limits of a numeric: digits before the decimal point, and after it.
const (
	maxNumericDigits = 131072
	maxNumericScale  = 16383
)

// appendNumeric writes digits to the base of 10,000.
func appendNumeric(dst []byte, text string) ([]byte, error) {
	for name, sign := range map[string]uint16{"NaN": numericNaN, "Infinity": numericInf, "-Infinity": numericNegInf} {
		if text == name {
			return appendNumericHead(dst, 0, 0, sign, 0), nil
		}
	}
	sign, digits := uint16(numericPositive), strings.TrimPrefix(text, "+")
	if rest, ok := strings.CutPrefix(digits, "-"); ok {
		sign, digits = numericNegative, rest
	}
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole+fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" ||
		len(whole) > maxNumericDigits || len(fraction) > maxNumericScale {
		return dst, badValue(pgtext.TypeNumeric, text)
	}
	scale := len(fraction)
	whole = strings.TrimLeft(whole, "0")
	whole = strings.Repeat("0", (4-len(whole)%4)%4) + whole
	weight := len(whole)/4 - 1
	fraction += strings.Repeat("0", (4-len(fraction)%4)%4)
	all := whole + fraction
	for strings.HasSuffix(all, "0000") {
		all = all[:len(all)-4]
	}
	for strings.HasPrefix(all, "0000") {
		all = all[4:]
		weight--
	}
	if all == "" {
		sign, weight = numericPositive, 0
	}
	dst = appendNumericHead(dst, len(all)/4, weight, sign, scale)
	for ; len(all) > 0; all = all[4:] {
		n, _ := strconv.ParseUint(all[:4], 10, 16) // digits only, checked above
		dst = binary.BigEndian.AppendUint16(dst, uint16(n))
	}
	return dst, nil
}

func appendNumericHead(dst []byte, digits, weight int, sign uint16, scale int) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(digits))
	dst = binary.BigEndian.AppendUint16(dst, uint16(weight))
	dst = binary.BigEndian.AppendUint16(dst, sign)
	return binary.BigEndian.AppendUint16(dst, uint16(scale))
}
