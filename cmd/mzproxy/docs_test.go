package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var docPages = []string{"production.md", "troubleshooting.md", "migration.md", "compare.md"}

var docBlock = regexp.MustCompile("(?s)```(sql|sh|yaml)\n(.*?)```")

// Every command and example of the pages is run, in their order, by psql through the proxy or by a shell; settings are read.
func TestDocs(t *testing.T) {
	w := newWorld(t)
	_, port, err := net.SplitHostPort(w.sim.Addr())
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, page := range docPages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range docBlock.FindAllStringSubmatch(string(text), -1) {
			ran++
			switch block[1] {
			case "sql":
				if out, err := psqlOnce(t, w.addr.String(), "-v", "ON_ERROR_STOP=1", "-f", scriptFile(t, block[2])); err != nil {
					t.Errorf("%s: %s%v\n%s", page, block[2], err, out)
				}
			case "sh":
				cmd := exec.CommandContext(t.Context(), "sh", "-c", strings.ReplaceAll(block[2], "localhost:6875", "127.0.0.1:"+port))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%s: %s%v\n%s", page, block[2], err, out)
				}
			case "yaml":
				settingsTaken(t, []byte(block[2]))
			}
		}
	}
	if ran < 10 {
		t.Errorf("only %d examples", ran)
	}
}

func scriptFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "script.sql")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

var (
	docMessage = regexp.MustCompile("(?m)^\\| `([^`]+)` \\|")
	docLink    = regexp.MustCompile("`(deploy/[a-z./]+)`")
)

// Each message that the page on troubles explains is one that the proxy has, and each file that a page names is there.
func TestDocsNameWhatThereIs(t *testing.T) {
	golden, err := os.ReadFile("../../testdata/messages.txt")
	if err != nil {
		t.Fatal(err)
	}
	have := string(golden)
	for _, folder := range []string{".", "../../proxy", "../../proxy/wire", "../../proxy/intercept", "../../engine/reconcile", "../../engine/materialize", "../../rewrite/pgtext"} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatal(folder, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			have += string(text)
		}
	}
	page, err := os.ReadFile("troubleshooting.md")
	if err != nil {
		t.Fatal(err)
	}
	messages := docMessage.FindAllStringSubmatch(string(page), -1)
	if len(messages) < 20 {
		t.Errorf("only %d messages", len(messages))
	}
	for _, m := range messages {
		if !strings.Contains(have, m[1]) {
			t.Errorf("the proxy never says %q", m[1])
		}
	}
	for _, name := range docPages {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range docLink.FindAllStringSubmatch(string(text), -1) {
			if _, err := os.Stat(link[1]); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
