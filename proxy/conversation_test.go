package proxy_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"mzproxy/proxy"
	"mzproxy/proxy/pgtest"
)

var update = flag.Bool("update", false, "write the traces that came out into testdata")

// TestConversations plays what is in testdata/wire: one conversation per
// heading, each on a session of its own with a wordHandler.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("../testdata/wire/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { playFile(t, file) })
	}
}

func playFile(t *testing.T, file string) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(raw), "\n=== ")
	got := parts[:1:1]
	for _, part := range parts[1:] {
		title, script, _ := strings.Cut(part, "\n")
		t.Run(title, func(t *testing.T) {
			trace := play(t, script+"\n")
			got = append(got, title+"\n"+strings.TrimSuffix(trace, "\n"))
			if diff := cmp.Diff(strings.Split(script, "\n"), strings.Split(strings.TrimSuffix(trace, "\n"), "\n")); diff != "" && !*update {
				t.Errorf("the conversation went otherwise (-want +got):\n%s", diff)
			}
		})
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(got, "\n=== ")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func play(t *testing.T, script string) string {
	r := newRig(t, func(cfg *proxy.Config) { cfg.Interceptor = newWordHandler() })
	client, server := r.session()
	trace, err := pgtest.Run(script, client, server)
	if err != nil {
		t.Errorf("%v\n%s", err, trace)
	}
	return trace
}
