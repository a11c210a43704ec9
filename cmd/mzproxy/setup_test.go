package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// What set-up does on machines that lack something: it installs it, or says in one line what to do.
func TestSetup(t *testing.T) {
	const (
		current = "echo go999.0.0"
		// as 1.19 answers, which knows nothing of toolchains
		old = `[ "$2" = GOVERSION ] && echo go1.19.8 || echo`
		// as one answers that may not fetch another
		pinned  = `[ "$PWD" = / ] || exit 1; [ "$2" = GOVERSION ] && echo go1.21.0 || echo local`
		missing = `psql, a C compiler\. `
	)
	for _, tt := range []struct {
		name  string
		tools map[string]string // what is on PATH beside the shell's own
		want  string
	}{
		{"no go", nil, `^setup: Go is missing: install Go 1\.\d+\.\d+ or later .* and put it on PATH\.$`},
		{"old go", map[string]string{"go": old}, `^setup: Go 1\.19\.8 is too old: install Go 1\.\d+\.\d+ or later .*\.$`},
		{"old go that stays", map[string]string{"go": pinned}, `^setup: Go 1\.21\.0 is too old \(GOTOOLCHAIN=local\): install Go .*\.$`},
		{"no installer", map[string]string{"go": current}, `^setup: missing: .*` + missing + `Install what is missing and put it on PATH\.$`},
		{"no sudo", map[string]string{"go": current, "apt-get": "exit 1"},
			`^setup: missing: .*` + missing + `Installing it takes root, and there is no sudo: run 'apt-get install postgresql postgresql-client gcc libc6-dev' as root\.$`},
		{"sudo", map[string]string{"go": current, "sudo": `echo "sudo $*" >&2; exec "$@"`, "apt-get": "exit 0"},
			`^setup: installing .*\nsudo apt-get update -qq\nsudo env DEBIAN_FRONTEND=noninteractive apt-get install .* postgresql postgresql-client gcc libc6-dev$`},
		{"sudo that refuses", map[string]string{"go": current, "sudo": "echo no >&2; exit 1", "apt-get": "exit 0"},
			`^setup: installing .*\nno\nsetup: missing: .*` + missing + `apt-get failed: see above, or run 'apt-get install .*' as root\.$`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd := exec.Command("./.ci/setup")
			cmd.Dir = setupFolder(t, tt.tools)
			cmd.Env = []string{"PATH=" + filepath.Join(cmd.Dir, "bin")}
			if os.Geteuid() == 0 {
				cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
			}
			out, err := cmd.CombinedOutput()
			if got := strings.TrimSpace(string(out)); !regexp.MustCompile(tt.want).MatchString(got) {
				t.Errorf("got %s\nwant %s (%v)", got, tt.want, err)
			}
			if failed := err != nil; failed != (tt.name != "sudo") {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

// setupFolder is a folder that anybody may enter, with what set-up consists of, and the tools in bin.
func setupFolder(t *testing.T, tools map[string]string) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "mzproxy-setup-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"", "bin", ".ci"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, sub), 0o755); err != nil { // whatever the umask
			t.Fatal(err)
		}
	}
	for _, name := range []string{"go.mod", ".ci/setup", ".ci/apt-install"} {
		text, err := os.ReadFile(filepath.Join("../..", name))
		if err != nil {
			t.Fatal(err)
		}
		write(name, string(text))
	}
	for _, name := range []string{"bash", "env", "sed", "sort", "head", "dirname"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	for name, script := range tools {
		write("bin/"+name, "#!/bin/sh\n"+script+"\n")
	}
	return dir
}
