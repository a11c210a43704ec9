package proxy_test

import (
	"context"
	"encoding/hex"
	"strings"
	"sync"
	"testing"

	"mzproxy/proxy"
)

// valueHandler answers every text with one row of what it says.
type valueHandler struct {
	mu   sync.Mutex
	oid  uint32
	text string
}

func (h *valueHandler) set(oid uint32, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.oid, h.text = oid, text
}

func (h *valueHandler) Open(context.Context, *proxy.Session) (proxy.Handler, error) { return h, nil }
func (h *valueHandler) Wants([]byte) bool                                           { return true }
func (h *valueHandler) Ready(context.Context, proxy.Completed) proxy.Ready          { return proxy.Ready{} }
func (h *valueHandler) Close()                                                      {}

func (h *valueHandler) Intercept(context.Context, proxy.Query) ([]proxy.Verdict, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	text := h.text
	run := func(_ context.Context, w proxy.ResultWriter) (string, error) { return "SELECT 1", w.Row(&text) }
	return []proxy.Verdict{{Action: proxy.Local, Answer: &proxy.Answer{Columns: []proxy.Column{{Name: "v", OID: h.oid}}, Run: run}}}, nil
}

// values are texts of the types that answers may have.
var values = []struct {
	typ   string
	oid   uint32
	texts []string
}{
	{"text", 25, []string{"", "x", "übel"}},
	{"text", 0, []string{"no type is text"}},
	{"name", 19, []string{"pg_class"}},
	{"varchar", 1043, []string{"x"}},
	{"json", 114, []string{`{"a": [1, null]}`}},
	{"jsonb", 3802, []string{`{"a": [1, null]}`}},
	{"bool", 16, []string{"t", "f"}},
	{"int2", 21, []string{"0", "-32768", "32767"}},
	{"int4", 23, []string{"-2147483648", "2147483647"}},
	{"int8", 20, []string{"-9223372036854775808", "9223372036854775807"}},
	{"oid", 26, []string{"4294967295"}},
	{"float8", 701, []string{"0.1", "-1e300", "NaN", "Infinity", "-Infinity"}},
	{"numeric", 1700, []string{"0", "0.00", "1", "-1", "10000", "123456789.000120", "-0.0001", "0.00000001", "99999999999999999999", "NaN", "1000000", "12345.6789"}},
	{"timestamptz", 1184, []string{"2024-02-29 12:00:00+00", "1999-12-31 23:59:59.999999+00", "1970-01-01 00:00:00+05:30", "infinity", "-infinity"}},
	{"interval", 1186, []string{"00:00:00", "1 year 2 mons -3 days +04:05:06.7", "-00:00:01.5", "30 days", "-1 years -2 mons"}},
}

// Values in binary format are what the server itself sends for the same text.
func TestBinaryValues(t *testing.T) {
	h := &valueHandler{}
	r := front(t, realPostgres(t).upstream("127.0.0.1", "sslmode=disable"), nil)
	server, err := r.connect("user=trusted sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close(context.Background()) }()
	ours, err := front(t, realPostgres(t).upstream("127.0.0.1", "sslmode=disable"), func(cfg *proxy.Config) { cfg.Interceptor = h }).connect("user=trusted sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ours.Close(context.Background()) }()
	for _, v := range values {
		for _, text := range v.texts {
			h.set(v.oid, text)
			got := ours.ExecParams(context.Background(), "any", nil, nil, nil, []int16{1}).Read()
			want := server.ExecParams(context.Background(), "SELECT $1::text::"+v.typ, [][]byte{[]byte(text)}, nil, nil, []int16{1}).Read()
			if got.Err != nil || want.Err != nil {
				t.Errorf("%s %q: %v, %v", v.typ, text, got.Err, want.Err)
				continue
			}
			if g, w := hex.EncodeToString(got.Rows[0][0]), hex.EncodeToString(want.Rows[0][0]); g != w {
				t.Errorf("%s %q: got %s, want %s", v.typ, text, g, w)
			}
			if g, w := got.FieldDescriptions[0], want.FieldDescriptions[0]; g.DataTypeOID != w.DataTypeOID || g.DataTypeSize != w.DataTypeSize || g.Format != w.Format {
				t.Errorf("%s: described as %+v, by the server as %+v", v.typ, g, w)
			}
		}
	}
}

// A text that is no value of its type is an error of ours, in binary only.
func TestBinaryValuesThatAreNone(t *testing.T) {
	h := &valueHandler{}
	conn, err := front(t, realPostgres(t).upstream("127.0.0.1", "sslmode=disable"), func(cfg *proxy.Config) { cfg.Interceptor = h }).connect("user=trusted sslmode=disable")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, v := range []struct {
		oid  uint32
		text string
	}{
		{16, "maybe"}, {21, "32768"}, {23, "x"}, {20, ""}, {26, "-1"}, {701, "one"}, {1700, "1e5"}, {1700, "."}, {1700, "0." + strings.Repeat("1", 16384)},
		{1184, "yesterday"}, {1186, "3 apples"}, {1186, "1:2:nan"}, {1186, "99999999999 days"}, {1186, "2147483647 years"}, {17, "bytea"},
	} {
		h.set(v.oid, v.text)
		if r := conn.ExecParams(context.Background(), "any", nil, nil, nil, []int16{1}).Read(); r.Err == nil {
			t.Errorf("%d %.20q: %x, no error", v.oid, v.text, r.Rows[0][0])
		}
		if r := conn.ExecParams(context.Background(), "any", nil, nil, nil, []int16{0}).Read(); r.Err != nil || string(r.Rows[0][0]) != v.text {
			t.Errorf("%d %.20q as text: %v", v.oid, v.text, r.Err)
		}
	}
}
