package wire

import (
	"bytes"
	"errors"
	"testing"

	"mzproxy/proxy/pgtest"
)

func TestFrameSize(t *testing.T) {
	for _, c := range []struct {
		header string
		want   int // 0: impossible
	}{
		{"Q\x00\x00\x00\x04", 5},
		{"Q\x00\x00\x01\x00", 257},
		{"Q\x7f\xff\xff\xfe", MaxSize},
		{"Q\x7f\xff\xff\xff", 0},
		{"Q\x00\x00\x00\x03", 0},
		{"Q\xff\xff\xff\xff", 0},
	} {
		got, err := FrameSize([]byte(c.header))
		var e *Error
		switch {
		case c.want == 0 && (!errors.As(err, &e) || e.Code != CodeProtocolViolation || e.Severity != SeverityFatal):
			t.Errorf("%q: %v", c.header, err)
		case got != c.want:
			t.Errorf("%q: %d, want %d", c.header, got, c.want)
		}
	}
}

func TestCutString(t *testing.T) {
	s, rest, ok := CutString([]byte("ab\x00c\x00"))
	if string(s) != "ab" || string(rest) != "c\x00" || !ok {
		t.Errorf("%q, %q, %t", s, rest, ok)
	}
	if s, rest, ok := CutString([]byte("ab")); ok || s != nil || rest != nil {
		t.Errorf("without an end: %q, %q", s, rest)
	}
}

// Sizes that a message tells of what is in it are checked before somebody trusts them.
func TestSizesLieWithin(t *testing.T) {
	for name, c := range map[string]struct {
		row  string
		want int // values; -1: none that can be read
	}{
		"a value and a NULL":      {"\x00\x02\x00\x00\x00\x01a\xff\xff\xff\xff", 2},
		"nothing":                 {"\x00\x00", 0},
		"cut short":               {"\x00\x01\x00\x00\x00\x02a", -1},
		"a size that is negative": {"\x00\x01\xff\xff\xff\xfe", -1},
		"a size that is huge":     {"\x00\x01\x7f\xff\xff\xffa", -1},
		"fewer values than said":  {"\x00\x02\x00\x00\x00\x01a", -1},
		"more than said":          {"\x00\x00a", -1},
		"no number":               {"\x00", -1},
	} {
		values, ok := DecodeRow([]byte(c.row))
		if !ok {
			values = nil
		}
		if ok != (c.want >= 0) || len(values) != max(c.want, 0) {
			t.Errorf("row, %s: %q, %t", name, values, ok)
		}
		bind := "p\x00s\x00\x00\x00" + c.row + "\x00\x00"
		m, ok := DecodeBind([]byte(bind))
		if want := c.want; name != "more than said" && (ok != (want >= 0) || ok && len(m.Parameters) != want) {
			t.Errorf("bind, %s: %+v, %t", name, m, ok)
		}
	}
}

func TestParameter(t *testing.T) {
	name, value, err := Parameter([]byte("a\x00b c\x00"))
	if name != "a" || value != "b c" || err != nil {
		t.Errorf("%q, %q, %v", name, value, err)
	}
	for _, body := range []string{"", "a", "a\x00b", "a\x00b\x00c"} {
		if _, _, err := Parameter([]byte(body)); err == nil {
			t.Errorf("%q passes", body)
		}
	}
}

// What is left out has PostgreSQL's defaults; the cause stays with us.
func TestDefaults(t *testing.T) {
	for want, frame := range map[string][]byte{
		`ErrorResponse S="ERROR" V="ERROR" C="XX000" M="m"`:                     Append(nil, &Error{Message: "m", Err: errors.New("secret")}),
		`ErrorResponse S="FATAL" V="FATAL" C="08006" M="m" D="D." H="H." P="7"`: Append(nil, &Error{Severity: SeverityFatal, Code: "08006", Message: "m", Detail: "D.", Hint: "H.", Position: 7}),
		`NoticeResponse S="NOTICE" V="NOTICE" C="00000" M="m"`:                  AppendNotice(nil, &Fields{Message: "m"}),
		`NoticeResponse S="WARNING" V="WARNING" C="01000" M="m"`:                AppendNotice(nil, &Fields{Severity: "WARNING", Message: "m"}),
		`NoticeResponse S="NOTICE" V="NOTICE" C="55000" M="m" H="h"`:            AppendNotice(nil, &Fields{Code: "55000", Message: "m", Hint: "h"}),
	} {
		m, err := pgtest.ReadMessage(bytes.NewReader(frame))
		if err != nil {
			t.Fatal(err)
		}
		if got := pgtest.Format(pgtest.FromServer, m); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// FuzzDecode: no decoder trusts what it is given, and what an error says comes back.
func FuzzDecode(f *testing.F) {
	f.Add([]byte("p\x00s\x00\x00\x00\x00\x01\x00\x00\x00\x01a\x00\x00"))
	f.Add([]byte("SERROR\x00C42601\x00Mm\x00\x00"))
	f.Fuzz(func(t *testing.T, body []byte) {
		if len(body) >= HeaderSize {
			_, _ = FrameSize(body)
		}
		_, _ = DecodeParse(body)
		_, _ = DecodeRow(body)
		_, _, _ = Parameter(body)
		if m, ok := DecodeBind(body); ok {
			for _, p := range m.Parameters {
				if len(p) > len(body) {
					t.Fatal("a value longer than its message")
				}
			}
		}
		if e, err := DecodeFields(body); err == nil {
			again, err := DecodeFields(AppendError(nil, e)[HeaderSize:])
			if err != nil || again.Code != e.Code || again.Message != e.Message || again.Position != e.Position {
				t.Errorf("%+v became %+v, %v", e, again, err)
			}
		}
	})
}
