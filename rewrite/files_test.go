package rewrite

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the expected forms in testdata/sql")

const (
	sqlFiles = "../testdata/sql/*.txt"
	line     = "\n----\n"
	between  = "\n\n"
)

// fileCase is a text of a file in testdata/sql: the text, a line of four dashes, what
// is recognised in it, and an empty line. Comments between the cases begin with "#".
type fileCase struct{ comment, text, want string }

func readCases(t testing.TB, file string) []fileCase {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var cases []fileCase
	for _, block := range strings.Split(strings.TrimRight(string(data), "\n")+"\n", between) {
		var c fileCase
		for strings.HasPrefix(block, "#") {
			comment, rest, _ := strings.Cut(block, "\n")
			c.comment += comment + "\n"
			block = rest
		}
		c.text, c.want, _ = strings.Cut(block+"\n", line)
		c.text = strings.TrimSuffix(c.text, "\n")
		c.want = strings.TrimSpace(c.want)
		cases = append(cases, c)
	}
	return cases
}

// What is recognised in every text of testdata/sql is what stands there.
func TestFiles(t *testing.T) {
	files, err := filepath.Glob(sqlFiles)
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	env := testEnv
	env.Zone = time.FixedZone("two hours east", 2*3600)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			var written strings.Builder
			for i, c := range readCases(t, file) {
				got := strings.TrimSpace(describe(c.text, env))
				if diff := cmp.Diff(c.want, got); diff != "" && !*update {
					t.Errorf("%s\n%s", c.text, diff)
				}
				if i > 0 {
					written.WriteString("\n")
				}
				written.WriteString(c.comment + c.text + line + got + "\n")
			}
			if *update {
				if err := os.WriteFile(file, []byte(written.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}
