package intercept_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"mzproxy/proxy"
)

// Whatever a client sends, the handler does not panic, its verdicts are about parts of the text, in
// order, and its errors are a user's, at a place in the text.
func FuzzIntercept(f *testing.F) {
	files, err := filepath.Glob("../../testdata/sql/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for block := range strings.SplitSeq(string(data), "\n\n") {
			text, _, _ := strings.Cut(block, "\n----\n")
			f.Add(text, false)
			f.Add(text, true)
		}
	}
	r := newRig(f)
	f.Fuzz(func(t *testing.T, text string, extended bool) {
		if !r.handler.Wants([]byte(text)) {
			return
		}
		verdicts, err := r.handler.Intercept(t.Context(), proxy.Query{Text: text, Extended: extended, TxStatus: 'I'})
		checkError(t, text, err)
		end := 0
		for _, v := range verdicts {
			if v.Start < end || v.End < v.Start || v.End > len(text) || v.Index >= v.Of {
				t.Fatalf("%q: verdict %+v", text, v)
			}
			end = v.End
			if v.Err != nil {
				checkError(t, text, v.Err)
			}
			if v.Answer != nil {
				_, err := v.Answer.Run(t.Context(), &result{})
				checkError(t, text, err)
			}
			if v.Bind != nil {
				checkError(t, text, v.Bind(t.Context(), &proxy.Bind{TxStatus: 'I', Formats: []int16{1, 0}, Values: [][]byte{[]byte("prod"), nil}}))
			}
			if v.Done != nil {
				v.Done("INSERT 0 1")
			}
		}
		r.handler.Ready(t.Context(), proxy.Completed{TxStatus: 'I', Events: []proxy.Event{{Tag: "INSERT 0 1", Done: true}}})
		r.rows = nil
	})
}

func checkError(t *testing.T, text string, err error) {
	t.Helper()
	var e *proxy.Error
	switch {
	case err == nil:
	case !errors.As(err, &e):
		t.Fatalf("%q: not a user's error: %v", text, err)
	case e.Position < 0 || e.Position > utf8.RuneCountInString(text)+1:
		t.Fatalf("%q: position %d: %v", text, e.Position, e)
	case len(e.Code) != 5 || e.Message == "":
		t.Fatalf("%q: %+v", text, e)
	}
}
