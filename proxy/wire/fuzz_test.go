package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"strconv"
	"testing"

	"mzproxy/rewrite/pgtext"
)

func FuzzParameterStatus(f *testing.F) {
	f.Add([]byte("TimeZone\x00UTC\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		name, value, err := Parameter(body)
		if err == nil && name+"\x00"+value+"\x00" != string(body) {
			t.Fatalf("%q, %q of %q", name, value, body)
		}
	})
}

// FuzzError decodes an ErrorResponse; what was decoded and encoded decodes to
// the same.
func FuzzError(f *testing.F) {
	f.Add([]byte("SERROR\x00C42601\x00Mno\x00P7\x00\x00"))
	f.Add([]byte("S"))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := DecodeFields(body)
		if err != nil {
			return
		}
		again, err := DecodeFields(AppendError(nil, e)[HeaderSize:])
		if err != nil || again.Code != e.Code || again.Message != e.Message || again.Position != e.Position {
			t.Fatalf("%+v, then %+v, %v", e, again, err)
		}
	})
}

// FuzzStrings cuts strings.
func FuzzStrings(f *testing.F) {
	f.Add([]byte("a\x00rest"))
	f.Add([]byte("no end"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, rest, ok := CutString(data)
		if ok && string(s)+"\x00"+string(rest) != string(data) || !ok && bytes.IndexByte(data, 0) >= 0 {
			t.Fatalf("%q, %q of %q", s, rest, data)
		}
	})
}

// FuzzBinary encodes values: never a panic, always the size of the type.
func FuzzBinary(f *testing.F) {
	oids := []uint32{0, pgtext.TypeText, pgtext.TypeBool, pgtext.TypeName, pgtext.TypeInt8, pgtext.TypeInt2, pgtext.TypeInt4, pgtext.TypeOID, pgtext.TypeJSON, pgtext.TypeFloat8, pgtext.TypeVarchar, pgtext.TypeTimestamptz, pgtext.TypeInterval, pgtext.TypeNumeric, pgtext.TypeJSONB}
	for i, text := range []string{"", "x", "t", "n", "1", "2", "-3", "4", "{}", "1.5", "v", "2024-02-29 12:00:00.5+00", "1 year 2 mons -3 days 04:05:06.7", "-12345.678", "[]"} {
		f.Add(uint8(i), text)
	}
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		oid := oids[int(i)%len(oids)]
		got, err := AppendBinary(nil, oid, text)
		if size := int(TypeSize(oid)); err == nil && size > 0 && oid != pgtext.TypeName && len(got) != size {
			t.Fatalf("type %d: %d bytes for %q", oid, len(got), text)
		}
		if err == nil && oid == pgtext.TypeNumeric {
			checkNumeric(t, text, got)
		}
	})
}

// checkNumeric compares the digits with the value, as far as a float tells.
func checkNumeric(t *testing.T, text string, digits []byte) {
	n, weight := int(binary.BigEndian.Uint16(digits)), int(int16(binary.BigEndian.Uint16(digits[2:])))
	if len(digits) != 8+2*n {
		t.Fatalf("%q: %d digits in %d bytes", text, n, len(digits))
	}
	want, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(want) || math.IsInf(want, 0) || math.Abs(want) > 1e100 || len(text) > 100 {
		return
	}
	got := 0.0
	for i := range n {
		digit := binary.BigEndian.Uint16(digits[8+2*i:])
		if digit > 9999 {
			t.Fatalf("%q: digit %d", text, digit)
		}
		got += float64(digit) * math.Pow(10000, float64(weight-i))
	}
	if math.Abs(got-math.Abs(want)) > 1e-9*math.Abs(want)+1e-300 {
		t.Fatalf("%q became %g", text, got)
	}
}
